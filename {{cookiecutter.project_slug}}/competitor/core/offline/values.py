"""Makes a value that fits a JSON schema. Equal schemas get equal values.
Contract file: replaced by updates.

The schemas of OpenAI's structured outputs and function calling are supported. The exceptions are patterns with groups
or alternatives, and schemas that contradict themselves. No pattern is ever executed, because a hostile client could
send a pattern that takes years to match.
"""

import math
import re
import string
from typing import Any, TypeGuard

from ..budget import Budget
from ..limits import (
    MAX_ITEMS,
    MAX_PATTERN_CHARACTERS,
    MAX_READ_CHARACTERS,
    MAX_REPLY_STEPS,
    MAX_SCHEMA_DEPTH,
    MAX_VALUE_CHARACTERS,
    MAX_VALUES,
)

Schema = dict[str, Any]

_FORMATS = {
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "date-time": "2026-01-31T12:00:00Z",
    "duration": "PT1H",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
}
_ALPHANUMERIC = string.ascii_letters + string.digits
_CLASSES = {"d": string.digits, "w": _ALPHANUMERIC + "_", "s": " \t", "D": "a", "W": "-", "S": "a"}
_PRINTABLE = _ALPHANUMERIC + " -.,:;!?"
# Keywords that show the type of a schema that has no `type`.
_HINTS = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems"),
    "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
}
# One element of a simple pattern, and how often it repeats.
_ELEMENT = re.compile(r"(\\.|\[\^?[^\]]+\]|[^\\\[\](){}|?*+^$])(\{\d{1,3}(?:,\d{0,3})?\}|[?*+])?", re.DOTALL)


def fitting(schema: Any, text: str = "", budget: Budget | None = None) -> Any:
    """A value for `schema`. Strings and numbers are taken from `text` if words in it fit. Raises `OutOfBudget`."""
    return _Fitter(schema, text[:MAX_READ_CHARACTERS], budget or Budget(MAX_REPLY_STEPS)).value(schema, 0)


class _Fitter:
    def __init__(self, root: Any, text: str, budget: Budget):
        self._root = root if isinstance(root, dict) else {}
        self._text = " ".join(text.split())
        self._spend = budget.spend
        self._left = MAX_VALUES
        numbers = re.findall(r"-?\d{1,15}(?:\.\d{1,10})?", text[:MAX_VALUE_CHARACTERS])
        self._numbers = [float(found) for found in numbers]

    def value(self, schema: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_SCHEMA_DEPTH:
            return None  # the schema asks for a value that is too large
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(options := schema.get("enum"), list) and options:
            self._spend(len(options) * (1 + len(self._text) // 1000))
            named = (option for option in options if isinstance(option, str) and option and option in self._text)
            return next(named, options[0])
        for choice in ("anyOf", "oneOf"):
            if isinstance(members := schema.get(choice), list) and members:
                rest = {name: given for name, given in schema.items() if name != choice}
                return self.value(self._merged(rest, self._resolved(self._shallowest(members, depth))), depth)
        match _kind(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return self._number(schema, whole=True)
            case "number":
                return self._number(schema, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(schema)

    def _shallowest(self, members: list[Any], depth: int) -> Any:
        """The member of a union to use: the first, but deep inside a recursive schema one that ends the recursion."""
        if depth < 3:
            return members[0]
        return min(members, key=lambda member: _kind(self._resolved(member)) in ("object", "array"))

    def _resolved(self, schema: Any, depth: int = 0) -> Schema:
        """The schema with its reference followed and its `allOf` merged."""
        for _ in range(MAX_SCHEMA_DEPTH - depth):
            if not isinstance(schema, dict):
                return {}
            self._spend(1 + len(schema))
            if isinstance(reference := schema.get("$ref"), str):
                rest = {name: given for name, given in schema.items() if name != "$ref"}
                schema = self._merged(self._pointed(reference), rest)
            elif isinstance(members := schema.get("allOf"), list):
                rest = {name: given for name, given in schema.items() if name != "allOf"}
                for member in members[:MAX_ITEMS]:
                    rest = self._merged(rest, self._resolved(member, depth + 1))
                schema = rest
            else:
                return schema
        given = schema if isinstance(schema, dict) else {}
        return {name: value for name, value in given.items() if name not in ("$ref", "allOf")}

    def _merged(self, one: Schema, other: Schema) -> Schema:
        """Merges two schemas: properties and required names are combined; for all else, `other` takes precedence."""
        for schema in (one, other):
            inner = (schema.get("properties"), schema.get("required"))
            self._spend(len(schema) + sum(len(part) for part in inner if isinstance(part, dict | list)))
        return _merged(one, other)

    def _pointed(self, reference: str) -> Schema:
        found: Any = self._root
        self._spend(1 + len(reference))
        for step in reference.removeprefix("#").strip("/").split("/") if reference.strip("#/") else ():
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        required = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
        self._spend(len(required) + len(properties))
        names = dict.fromkeys([*required, *properties] if depth < 3 else required)
        made = {name: self.value(properties.get(name, {}), depth + 1) for name in names}
        more = schema.get("additionalProperties")
        for number in range(min(_count(schema, "minProperties", 0), MAX_ITEMS) - len(made)):
            made[f"property_{number + 1}"] = self.value(more, depth + 1)
        return made

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        first = schema.get("prefixItems")
        made = [self.value(item, depth + 1) for item in first[:MAX_ITEMS]] if isinstance(first, list) else []
        wanted = max(_count(schema, "minItems", 0), 1 if depth < 3 else 0)
        wanted = min(wanted, _count(schema, "maxItems", wanted), MAX_ITEMS)
        items = schema.get("items")
        while len(made) < wanted and items is not False:
            made.append(self._unlike(made, items, depth) if schema.get("uniqueItems") else self.value(items, depth + 1))
        return made

    def _unlike(self, made: list[Any], items: Any, depth: int) -> Any:
        """A value that is not in `made`, for arrays of unique items."""
        item = self.value(items, depth + 1)
        schema = self._resolved(items)
        self._spend(len(made))
        if item not in made:
            return item
        if isinstance(options := schema.get("enum"), list):
            return next((option for option in options if option not in made), item)
        if isinstance(item, bool):
            return not item
        if isinstance(item, (int, float)):
            step = schema.get("multipleOf") or 1
            return max(other for other in made if isinstance(other, (int, float))) + step
        return f"{item} {len(made) + 1}" if isinstance(item, str) else item

    def _string(self, schema: Schema) -> str:
        if isinstance(pattern := schema.get("pattern"), str) and (made := _matching(pattern)) is not None:
            self._spend(len(pattern) + len(made) // 10)
            return made
        if (form := schema.get("format")) in _FORMATS:
            return _FORMATS[form]
        shortest = min(_count(schema, "minLength", 0), MAX_VALUE_CHARACTERS)
        longest = min(_count(schema, "maxLength", 80), MAX_VALUE_CHARACTERS)
        self._spend(shortest // 10)
        text = (self._text or "offline")[: max(longest, shortest)]
        return text + "x" * (shortest - len(text))

    def _number(self, schema: Schema, *, whole: bool) -> int | float:
        low = max(_bounds(schema, "minimum", "exclusiveMinimum"), default=-math.inf)
        high = min(_bounds(schema, "maximum", "exclusiveMaximum"), default=math.inf)
        above, below = _bounds(schema, "exclusiveMinimum"), _bounds(schema, "exclusiveMaximum")
        step = next((step for step in _bounds(schema, "multipleOf") if step > 0), 1 if whole else None)

        def fits(value: float) -> bool:
            on_step = step is None or math.isclose(value / step, round(value / step), rel_tol=0, abs_tol=1e-9)
            inside = low <= value <= high and value not in above and value not in below
            return inside and on_step and not (whole and value != int(value))

        candidates = [*self._numbers, 1.0, 0.0, low, high, (low + high) / 2, low + 1, high - 1]
        if step is not None and math.isfinite(low):
            candidates += [math.ceil(low / step) * step, (math.floor(low / step) + 1) * step]
        if step is not None and math.isfinite(high):
            candidates += [math.floor(high / step) * step, (math.ceil(high / step) - 1) * step]
        found = next((value for value in candidates if math.isfinite(value) and fits(value)), 0.0)
        return int(found) if found == int(found) else found


def _kind(schema: Schema) -> str:
    named = schema.get("type")
    if isinstance(named, list):
        named = next((one for one in named if one != "null"), "null")
    if named in ("object", "array", "string", "integer", "number", "boolean", "null"):
        return str(named)
    return next((kind for kind, words in _HINTS.items() if any(word in schema for word in words)), "string")


def _merged(one: Schema, other: Schema) -> Schema:
    both = {**one, **other}
    if isinstance(one.get("properties"), dict) and isinstance(other.get("properties"), dict):
        both["properties"] = {**one["properties"], **other["properties"]}
    if isinstance(one.get("required"), list) and isinstance(other.get("required"), list):
        both["required"] = [*one["required"], *other["required"]]
    return both


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _count(schema: Schema, name: str, default: int) -> int:
    given = schema.get(name)
    return int(given) if _is_number(given) and given >= 0 else default


def _bounds(schema: Schema, *names: str) -> list[float]:
    return [float(schema[name]) for name in names if _is_number(schema.get(name))]


def _matching(pattern: str) -> str | None:
    """A text that matches a simple pattern of literals and classes with counts; None for any other pattern."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return None
    inner = pattern.removeprefix("^").removesuffix("$")
    made, at = "", 0
    while at < len(inner) and len(made) < MAX_VALUE_CHARACTERS:
        element = _ELEMENT.match(inner, at)
        if element is None:
            return None
        least = {"?": 0, "*": 0, "+": 1, None: 1}.get(element[2])
        least = int(re.findall(r"\d+", element[2])[0]) if least is None else least
        character = _member(element[1])
        if character is None:
            return None
        made += character * least
        at = element.end()
    return made[:MAX_VALUE_CHARACTERS]


def _member(element: str) -> str | None:
    """One character that matches an element of a pattern; None if the element is not supported."""
    if element == ".":
        return "a"
    if not element.startswith(("[", "\\")):
        return element
    negated = element.startswith("[^")
    inside = element if element.startswith("\\") else element[2 if negated else 1 : -1]
    members = _expanded(inside)
    if members is None:
        return None
    return next((one for one in _PRINTABLE if one not in members), None) if negated else members[0]


def _expanded(inside: str) -> list[str] | None:
    r"""The characters of a class such as `a-f\d_`; None if the class is not supported."""
    members: list[str] = []
    for first, last, escaped in re.findall(r"(?s)([^\\])-([^\\])|(\\?.)", inside):
        if first:
            members += [chr(code) for code in range(ord(first), min(ord(last), ord(first) + 255) + 1)]
        elif escaped[-1] in _CLASSES and len(escaped) == 2:
            members += _CLASSES[escaped[-1]]
        elif len(escaped) == 2 and escaped[-1].isalnum():
            return None
        else:
            members.append(escaped[-1])
    return members or None
