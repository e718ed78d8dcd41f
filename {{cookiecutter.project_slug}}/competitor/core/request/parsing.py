"""Parses and checks the body of a request. A bad request is refused before any work starts (S16)."""
# Contract file: replaced by updates.

import gc
import json
import math
import re
from functools import cache
from typing import Any, Protocol

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.requests import Request

from ..errors import ApiError
from ..limits import MAX_DISCARDED_BYTES, MAX_ENTRIES, MAX_ERROR_PATH_CHARACTERS
from .schema import CUSTOM_ERRORS, ChatRequest

# pydantic's error type -> our sentence about the field. `{...}` are values of pydantic's context, never the input.
_SENTENCES = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "finite_number": "must be a finite number",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entry",
    "string_too_short": "must have at least {min_length} character",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} characters",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is required",
    "value_error": "{error}",
}
MAX_VALUES = 200_000
# What may stand before the next byte after which a value begins: at most a key, a value and an empty container.
_PLAIN, _QUOTED = rb'[^",\[{]*+', rb'"[^"]*+"'
_NEXT = rb"%b(?:%b%b){0,2}+(?:[\[{]\s*+[\]}]%b)?+[,\[{]" % (_PLAIN, _QUOTED, _PLAIN, _PLAIN)
_ONE, _THOUSAND = re.compile(_NEXT), re.compile(rb"(?:%b){1000}+" % _NEXT)
# The loop serves other streams between the steps of reading a body that is longer than this.
LARGE_BODY_BYTES = 256 * 1024
# Values of `type` that decide which member of a union is meant.
_TYPES = frozenset(("text", "image_url", "file", "refusal", "json_object", "json_schema"))
_INNER_PATH = re.compile(r"[\w.\[\]]+", re.ASCII)


class Room(Protocol):
    """The room for bodies that are arriving: `hold` waits for it, `free` gives it back."""

    async def hold(self, size: int, more: int) -> None: ...
    def free(self, size: int) -> None: ...


async def read_body(request: Request, limit: int, room: Room) -> bytes:
    """Reads the whole body. Raises `ApiError` for a wrong content type, compression, or more than `limit` bytes."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise ApiError("unsupported_media_type", "The header Content-Type must be application/json.", "content-type")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        said = "The header Content-Encoding is not supported: send the body uncompressed."
        raise ApiError("unsupported_encoding", said, "content-encoding")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit and "expect" in request.headers:
        raise _too_large(limit)  # before reading: the client may wait for permission to send
    body = bytearray()
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size <= limit:
                await room.hold(len(body), len(part))
                body += part
            elif size > limit + MAX_DISCARDED_BYTES:
                break
    finally:
        room.free(len(body))
    if size > limit:
        raise _too_large(limit)
    return bytes(body)


def _too_large(limit: int) -> ApiError:
    return ApiError("body_too_large", f"The body must have at most {limit} bytes.", headers={"connection": "close"})


def read_request(body: bytes, max_values: int = MAX_VALUES) -> ChatRequest:
    """Parses a body. Raises `ApiError` with the path of the first wrong field, or for too many JSON values (N3)."""
    if len(body) > max_values:
        refuse_many_values(body, max_values)
    return parse_request(body)


def parse_request(body: bytes) -> ChatRequest:
    """Parses a body whose values were counted. Raises `ApiError` with the path of the first wrong field."""
    if len(body) <= LARGE_BODY_BYTES or not gc.isenabled():
        return _parse(body)
    gc.disable()  # it would look for garbage again and again while many objects are made, which doubles the time
    try:
        return _parse(body)
    finally:
        gc.enable()


def _parse(body: bytes) -> ChatRequest:
    try:
        given = from_json(body, allow_inf_nan=False, cache_strings="all")
    except ValueError as error:
        raise _not_json(body, str(error)) from None
    if not isinstance(given, dict):
        raise ApiError("invalid_json", "The body must be a JSON object.")
    if len(body) > MAX_ENTRIES and _entries(given) > MAX_ENTRIES:
        raise ApiError("invalid_value", f"The body must have at most {MAX_ENTRIES} messages, parts, calls and tools.")
    try:
        return ChatRequest.model_validate(given)
    except ValidationError as error:
        raise _invalid(error.errors(include_url=False, include_input=False), given) from None


def _entries(given: dict[str, Any]) -> int:
    """How many messages, parts, calls and tools there are: each takes far longer to check than another JSON value."""
    counted = [given.get("messages"), given.get("tools")]
    for message in counted[0] if isinstance(counted[0], list) else ():
        if isinstance(message, dict):
            counted += (message.get("content"), message.get("tool_calls"))
    return sum(len(found) for found in counted if isinstance(found, list))


def refuse_many_values(body: bytes, max_values: int) -> None:
    """Raises `ApiError` if the body has more JSON values than this (N3)."""
    if has_more_values(body, max_values):
        raise ApiError("invalid_value", f"The body must have at most {max_values} JSON values.")


def has_more_values(body: bytes | bytearray, most: int) -> bool:
    """Whether a JSON text has more than `most` values, without building any. The time is proportional to its size.

    A text that is not JSON is read up to the first mistake, or somewhat further; a parser stops there as well.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") < most:
        return False
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")  # now every quote begins or ends a text
    values, at = 1, 0
    for pattern, count in ((_THOUSAND, 1000), (_ONE, 1)):
        while values <= most and (found := pattern.match(body, at)):
            values, at = values + count, found.end()
    return values > most


def _invalid(problems: list[ErrorDetails], given: dict[str, Any]) -> ApiError:
    problem = problems[0]
    path = _path(problem["loc"], given)
    context = {name: str(value)[:200] for name, value in problem.get("ctx", {}).items()}
    if problem["type"].startswith("union_tag"):
        path = f"{path}.type"
    if problem["type"] in _SENTENCES:
        sentence = _SENTENCES[problem["type"]].format(**context)
    else:
        sentence = problem["msg"] if problem["type"] in CUSTOM_ERRORS else "is not valid"
    inner, colon, rest = sentence.partition(": ")
    if colon and _INNER_PATH.fullmatch(inner):  # a rule about several fields: its message begins with the path
        path, sentence = f"{path}.{inner}" if path else inner, rest
    more = len(problems) - 1
    others = f" {more} more {'field is' if more == 1 else 'fields are'} wrong." if more else ""
    return ApiError("invalid_value", f"{path} {sentence}.{others}", path)


def _path(location: tuple[int | str, ...], given: Any) -> str:
    """The path of a field, such as `messages[0].content`, from pydantic's location."""
    steps: list[int | str] = []
    value, tagged = given, None
    for place, step in enumerate(location):
        if isinstance(step, str) and step.startswith("("):
            continue  # the tag of a union's member, see schema.py
        if step in _TYPES and isinstance(value, dict) and value.get("type") == step and tagged is not value:
            tagged = value  # the same, of a union that the field `type` decides; the next step may have the same name
            continue
        if isinstance(step, int):
            steps.append(step)
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif (isinstance(value, dict) and step in value) or place == len(location) - 1:
            steps.append(step)
            value = value.get(step) if isinstance(value, dict) else None
    return _shown(steps)


def _shown(steps: list[int | str]) -> str:
    """The path in words, up to the first name that is not a field's: an error must not repeat a caller's words."""
    path = ""
    for step in steps:
        if isinstance(step, str) and step not in _field_names():
            break
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path if len(path) <= MAX_ERROR_PATH_CHARACTERS else path[:MAX_ERROR_PATH_CHARACTERS] + "..."


@cache
def _field_names() -> frozenset[str]:
    """The names of all fields of a request, on all levels."""
    schema = ChatRequest.model_json_schema()
    models = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for model in models for name in model.get("properties", {}))


def _not_json(body: bytes, reason: str) -> ApiError:
    """The error for a body that is not JSON. If Python's lenient parser can read it, the error names the field."""
    try:
        given = json.loads(body.decode())
    except UnicodeDecodeError:
        return ApiError("invalid_json", "The body must be JSON in UTF-8.")
    except RecursionError:
        return ApiError("invalid_json", "The body is nested too deeply.")
    except ValueError:
        return ApiError("invalid_json", f"The body is not valid JSON: {reason}.")
    flaw = _flaw(given)
    if flaw is None:
        return ApiError("invalid_json", f"The body is not valid JSON: {reason}.")
    path, sentence = flaw
    return ApiError("invalid_json", f"{path or 'The body'} {sentence}.", path or None)


def _flaw(given: Any) -> tuple[str, str] | None:
    """The path and the fault of the first value that Python's parser accepts although it is not valid JSON."""
    waiting: list[tuple[_Place | None, Any]] = [(None, given)]
    while waiting:
        place, value = waiting.pop()
        if place is not None and place.depth > 150:
            return place.path.partition("[")[0].partition(".")[0], "is nested too deeply"
        if (wrong := _wrong(value)) is not None:
            return place.path if place else "", wrong
        if isinstance(value, dict):
            waiting += [(_Place(place, name), item) for name, item in value.items()]
        elif isinstance(value, list):
            waiting += [(_Place(place, index), item) for index, item in enumerate(value)]
    return None


def _wrong(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number, or it is not JSON"
    if isinstance(value, str) and not _is_unicode(value):
        return "holds half of a surrogate pair, which is not Unicode text"
    if isinstance(value, dict) and not all(map(_is_unicode, value)):
        return "has a key that holds half of a surrogate pair, which is not Unicode text"
    return None


class _Place:
    """A place in a tree. Its path is made only when it is shown: the paths of all places could need much memory."""

    __slots__ = ("_parent", "_step", "depth")

    def __init__(self, parent: "_Place | None", step: str | int):
        self._parent, self._step = parent, step
        self.depth: int = parent.depth + 1 if parent else 1

    @property
    def path(self) -> str:
        """A path such as `messages[0].content`."""
        steps: list[int | str] = []
        place: _Place | None = self
        while place is not None:
            steps.append(place._step)
            place = place._parent
        return _shown(steps[::-1])


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
