"""Removes secrets, even split ones, and shortens long texts, before a request and its answer are stored."""
# Contract file: replaced by updates.

import json
from collections.abc import Mapping
from typing import Any

from ..limits import MAX_SHOWN_REQUEST_BYTES, MAX_SHOWN_REQUEST_VALUES
from ..observe.logs import HIDDEN, conceal
from ..request.schema import ChatRequest

_LONG_CHARACTERS = 1_000
# Text comes in smaller pieces (answer.py). A larger one is an artifact's link, whose bytes are in its event as well.
_PIECE_CHARACTERS = 16 * 1024

Json = dict[str, Any]


def fitting(asked: ChatRequest, secrets: list[str]) -> tuple[Json | None, bool]:
    """The request without its token, shortened if it is too long, and whether something was left out."""
    body = asked.as_json()
    body.pop("chutes_access_token", None)
    if _has_more_values(body, MAX_SHOWN_REQUEST_VALUES):
        return None, True  # copying it would cost more than it is worth
    body = clean(body, secrets)  # before it is cut, because half a secret would not be found
    if len(json.dumps(body)) <= MAX_SHOWN_REQUEST_BYTES:
        return body, False
    body = _shortened(body)
    return (body if len(json.dumps(body)) <= MAX_SHOWN_REQUEST_BYTES else None), True


def _has_more_values(value: Any, most: int) -> bool:
    left, waiting = most, [value]
    while waiting and left > 0:
        found = waiting.pop()
        inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        left -= len(inner)
        waiting.extend(item for item in inner if isinstance(item, dict | list))
    return left <= 0


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONG_CHARACTERS:
        return f"{value[:100]}[left out: {len(value) - 100} more characters]"
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, list) else value


def clean(value: Any, secrets: list[str]) -> Any:
    """A copy without secrets. Call this before the value becomes JSON, whose escapes could hide where a secret ends."""
    if isinstance(value, str):
        return conceal(value, secrets)
    if isinstance(value, Mapping):
        return {conceal(str(name), secrets): clean(item, secrets) for name, item in value.items()}
    return [clean(item, secrets) for item in value] if isinstance(value, list | tuple) else value


def unpieced(events: list[Any], secrets: list[str]) -> list[Any]:
    """Hides secrets that the model sent in several pieces: every piece with a part of a secret is hidden."""
    deltas = [delta for event in events if (delta := _delta(event))]
    for name in ("content", "reasoning_content"):
        _hide_pieces([delta for delta in deltas if isinstance(delta.get(name), str)], name, secrets)
    calls = [call for delta in deltas for call in delta.get("tool_calls") or ()]
    for index in {call["index"] for call in calls}:
        _hide_pieces([call["function"] for call in calls if call["index"] == index], "arguments", secrets)
    for delta in deltas:
        if len(text := delta.get("content") or "") > _PIECE_CHARACTERS:
            delta["content"] = f"{text[:100]}[left out: {len(text) - 100} more characters]"
    return events


def _hide_pieces(pieces: list[Json], name: str, secrets: list[str]) -> None:
    said = "".join(piece[name] for piece in pieces)
    if any(secret and secret in said for secret in secrets):
        for piece in pieces:
            piece[name] = HIDDEN


def _delta(event: list[Any]) -> Json:
    choices = event[1].get("choices") if isinstance(event[1], dict) else None
    delta: Json = choices[0]["delta"] if choices else {}
    return delta
