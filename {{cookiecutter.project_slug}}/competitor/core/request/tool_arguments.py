"""Fixes arguments of a tool call that do not fit the tool's schema: `JANUS_FIX_CALLS`.
Contract file: replaced by updates.

    arguments --> read as JSON, also from a code fence or cut short
              --> converted: "3" to 3, a lone value to a list, a choice in another case, ...   (no further call)
              --> still wrong: the model is asked once more, for this call only (completion.py)

What a schema says is checked only as far as models get it wrong: types, choices, required and unknown names. No pattern
is executed, because a hostile client could send one that takes years.
"""

import json
import re
from typing import Any

from pydantic_core import from_json

from ..budget import Budget, OutOfBudget
from ..limits import MAX_FIXING_STEPS, MAX_SCHEMA_DEPTH

_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)(?:```\s*)?\Z", re.DOTALL)
_NUMBER = re.compile(r"\s*-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?\s*")
_WORDS = {"true": True, "false": False, "yes": True, "no": False}


def fixed(schema: Any, arguments: str) -> tuple[str, str]:
    """The arguments as they fit the schema, and in words what still does not; empty if they fit.

    Arguments that fit come back unchanged. A schema that is too large to check counts as one that everything fits.
    """
    try:
        return _fixed(schema, arguments)
    except (OutOfBudget, RecursionError):
        return arguments, ""


def _fixed(schema: Any, arguments: str) -> tuple[str, str]:
    fenced = _FENCED.match(arguments)
    text = fenced[1] if fenced else arguments
    try:
        given = from_json(text.strip() or "{}", allow_partial="trailing-strings")
    except ValueError:
        return arguments, "they are not JSON"
    if not isinstance(given, dict):
        return arguments, "they are not a JSON object"
    fixer = _Fixer(schema)
    value = fixer.fitted(schema, given, "", 0)
    try:
        unchanged = value == given and isinstance(json.loads(arguments), dict)
    except ValueError:
        unchanged = False
    return (arguments if unchanged else json.dumps(value, ensure_ascii=False)), "; ".join(fixer.problems[:5])


class _Fixer:
    """Converts a value to what a schema wants, and collects what cannot be converted."""

    def __init__(self, root: Any):
        self._root, self._budget = root, Budget(MAX_FIXING_STEPS)
        self.problems: list[str] = []

    def fitted(self, schema: Any, value: Any, path: str, depth: int) -> Any:
        self._budget.spend()
        schema = self._resolved(schema)
        if not isinstance(schema, dict) or depth > MAX_SCHEMA_DEPTH:
            return value
        for name in ("anyOf", "oneOf"):
            if isinstance(options := schema.get(name), list) and options:
                return self._first(options, value, path, depth)
        value = _converted(schema.get("type"), value)
        if isinstance(choices := schema.get("enum"), list):
            self._budget.spend(len(choices))
            return self._chosen(choices, value, path)
        if not _is(schema.get("type"), value):
            self.problems.append(f"{path or 'they'} must be of the type {schema['type']}")
        elif isinstance(value, dict):
            return self._object(schema, value, path, depth)
        elif isinstance(value, list) and "items" in schema:
            return [
                self.fitted(schema["items"], each, f"{path}[{place}]", depth + 1) for place, each in enumerate(value)
            ]
        return value

    def _resolved(self, schema: Any) -> Any:
        """The schema that a local `$ref` names, at most a few steps away."""
        for _ in range(MAX_SCHEMA_DEPTH):
            if not isinstance(schema, dict) or not isinstance(where := schema.get("$ref"), str):
                return schema
            found = self._root
            for step in where.removeprefix("#").strip("/").split("/") if where != "#" else ():
                self._budget.spend()
                found = found.get(step) if isinstance(found, dict) else None
            schema = found
        return None

    def _first(self, options: list[Any], value: Any, path: str, depth: int) -> Any:
        """What the first option makes of the value that fits it; without one, the value and a problem."""
        before = self.problems
        for option in options:
            self.problems = []
            tried = self.fitted(option, value, path, depth + 1)
            if not self.problems:
                self.problems = before
                return tried
        self.problems = [*before, f"{path or 'they'} must fit one of {len(options)} forms"]
        return value

    def _chosen(self, choices: list[Any], value: Any, path: str) -> Any:
        if value in choices:
            return value
        told = str(value).strip().casefold()
        same = [choice for choice in choices if str(choice).casefold() == told]
        if not same:
            self.problems.append(f"{path} must be one of {json.dumps(choices)[:300]}")
        return same[0] if same else value

    def _object(self, schema: dict[str, Any], value: dict[str, Any], path: str, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        made = {}
        for name, each in value.items():
            where = f"{path}.{name}" if path else name
            if name in properties:
                made[name] = self.fitted(properties[name], each, where, depth + 1)
            elif schema.get("additionalProperties") is not False:
                made[name] = each
            else:
                self.problems.append(f"{where} is unknown")
        for name in schema.get("required") or ():
            self._budget.spend()
            if name not in made:
                self.problems.append(f"{path}.{name} is missing" if path else f"{name} is missing")
        return made


def _is(kind: Any, value: Any) -> bool:
    """Whether a value has a type of JSON Schema, or one of a list of types."""
    if isinstance(kind, list):
        return any(_is(each, value) for each in kind)
    if isinstance(value, bool):
        return kind in ("boolean", None)
    kinds: dict[str, Any] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "array": list,
        "object": dict,
        "null": type(None),
    }
    return not isinstance(kind, str) or kind not in {*kinds, "boolean"} or isinstance(value, kinds.get(kind, bool))


def _converted(kind: Any, value: Any) -> Any:
    """The same value with another type, if that is plainly what was meant."""
    if _is(kind, value) or isinstance(kind, list):
        return value
    if kind == "array":
        read = _read(value)
        return read if isinstance(read, list) else [value]
    if kind == "object":
        read = _read(value)
        return read if isinstance(read, dict) else value
    if kind == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind in ("integer", "number") and isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if "." in value or "e" in value.lower() else int(value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "boolean" and isinstance(value, str):
        return _WORDS.get(value.strip().casefold(), value)
    return value


def _read(value: Any) -> Any:
    """The JSON in a text; None if there is none."""
    try:
        return from_json(value) if isinstance(value, str) else None
    except ValueError:
        return None
