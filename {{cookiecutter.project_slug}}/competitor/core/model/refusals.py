"""Learns from a server's refusals: which of our fields it does not know, and what it needs instead.
Contract file: replaced by updates.

If a server answers 400 and names a field that we have added, the call is made once more without this field. If that
works, the server is not sent the field for an hour. Fields of the caller's are never changed in this way.
"""

import re
import time
from collections.abc import Callable
from typing import Any, Literal

from ..errors import UpstreamError
from ..request.schema import ChatRequest
from .dialects import REASONING_NAMES, VENDOR_CALL_FIELDS
from .prompt import reasoning_by_message, reasoning_key

Body = dict[str, Any]
Change = str
Back = Literal["auto", "on", "off"]  # the setting JANUS_LLM_REASONING_BACK

REMEMBERED_SECONDS = 3600.0
_REFUSING_STATUSES = frozenset((400, 422, 500, 501))  # Python servers answer 500 for an unexpected argument
_UNKNOWN = re.compile(
    r"(?i)\b(?:un(?:known|supported|recogni[sz]ed|expected)|not (?:supported|allowed|permitted|known)|extra)\b"
)
_MISSING = re.compile(r"(?i)\b(?:missing|must|requires?|required|needs?|expects?|expected)\b")
_REMOVE = re.compile(rf"{_UNKNOWN.pattern}|\b(?:remove|must not)\b")

WITHOUT_REASONING = "without reasoning"
WITH_REASONING = "with the client's reasoning"
WITH_ALL_REASONING = "with reasoning for each tool call"


class Refusals:
    """The changes that each server needs, learnt from its refusals. There is one for the whole process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._learnt: dict[str, dict[Change, float]] = {}

    def changes(self, base_url: str, back: Back) -> list[Change]:
        """The changes for a call: what was learnt in the last hour, and what the setting says about reasoning."""
        found = [WITH_REASONING] if back == "on" else [WITHOUT_REASONING] if back == "off" else []
        if learnt := self._learnt.get(base_url):
            now = self._clock()
            found += [change for change, until in learnt.items() if until > now and change not in found]
        return found

    def learn(self, base_url: str, changes: list[Change]) -> None:
        """Remembers changes after which this server has accepted a call."""
        learnt, until = self._learnt.setdefault(base_url, {}), self._clock() + REMEMBERED_SECONDS
        for change in changes:
            learnt.pop(_OPPOSITES.get(change, ""), None)
            learnt[change] = until


def _without(name: str) -> Callable[[Body, ChatRequest], Body]:
    return lambda body, _: {field: value for field, value in body.items() if field != name}


def _renamed(old: str, new: str) -> Callable[[Body, ChatRequest], Body]:
    return lambda body, _: {new if field == old else field: value for field, value in body.items()}


def _each_message(change: Callable[[Body], Body]) -> Callable[[Body, ChatRequest], Body]:
    return lambda body, _: {**body, "messages": [change(message) for message in body["messages"]]}


def _without_reasoning(message: Body) -> Body:
    return {field: value for field, value in message.items() if field not in REASONING_NAMES}


def _with_reasoning(filler: str) -> Callable[[Body, ChatRequest], Body]:
    """Adds the reasoning that the client has sent back; for a tool call whose reasoning is lost, `filler`."""

    def changed(body: Body, request: ChatRequest) -> Body:
        known = reasoning_by_message(request)

        def change(message: Body) -> Body:
            if message["role"] != "assistant" or message.get("reasoning_content"):
                return message
            said = next((message[name] for name in REASONING_NAMES if message.get(name)), None)
            reasoning = said or known.get(reasoning_key(message)) or (filler if message.get("tool_calls") else "")
            return {**message, "reasoning_content": reasoning} if reasoning else message

        return {**body, "messages": [change(message) for message in body["messages"]]}

    return changed


def _without_vendor_fields(message: Body) -> Body:
    calls = message.get("tool_calls")
    if not calls:
        return message
    kept = ("id", "type", "function")
    return {**message, "tool_calls": [{name: call[name] for name in kept if name in call} for call in calls]}


_CHANGES: dict[Change, Callable[[Body, ChatRequest], Body]] = {
    "without stream": lambda body, _: {name: body[name] for name in body if name not in ("stream", "stream_options")},
    "without stream_options": _without("stream_options"),
    "without tool_choice": _without("tool_choice"),
    "without response_format": _without("response_format"),
    "without vendor fields": _each_message(_without_vendor_fields),
    "max_tokens": _renamed("max_completion_tokens", "max_tokens"),
    "max_completion_tokens": _renamed("max_tokens", "max_completion_tokens"),
    WITHOUT_REASONING: _each_message(_without_reasoning),
    WITH_REASONING: _with_reasoning(""),
    WITH_ALL_REASONING: _with_reasoning(" "),
}
_OPPOSITES = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
    WITHOUT_REASONING: WITH_ALL_REASONING,
    WITH_ALL_REASONING: WITHOUT_REASONING,
}


def changed(body: Body, changes: list[Change], request: ChatRequest) -> Body:
    """The body with these changes. Messages are copied, not changed."""
    for change in changes:
        body = _CHANGES[change](body, request)
    return body


def change_for(error: UpstreamError, body: Body, request: ChatRequest, back: Back) -> Change | None:
    """The change after which a server may accept this body; None if its error names no field that we have added.

    `back` is the setting for reasoning: with `off`, none is sent even if the server asks for it.
    """
    if error.status not in _REFUSING_STATUSES:
        return None
    named = set(re.findall(r"\w+", error.detail))
    if named & {"stream_options", "include_usage"} and "stream_options" in body:
        return "without stream_options"
    if "stream" in named and "stream" in body and _UNKNOWN.search(error.detail):
        return "without stream"
    if "tool_choice" in named and body.get("tool_choice", "auto") != "auto" and request.tool_choice is None:
        return "without tool_choice"
    if named & {"response_format", "json_schema"} and "response_format" in body and request.response_format is None:
        return "without response_format"
    for name, other in (("max_completion_tokens", "max_tokens"), ("max_tokens", "max_completion_tokens")):
        if name in named and name in body and other not in body and _UNKNOWN.search(error.detail):
            return other
    sent = [message for message in body["messages"] if message["role"] == "assistant"]
    if named & {*VENDOR_CALL_FIELDS} and sent != [*map(_without_vendor_fields, sent)] and _UNKNOWN.search(error.detail):
        return "without vendor fields"
    if "reasoning_content" in named or "reasoning" in named:
        has_some = sent != [*map(_without_reasoning, sent)]
        asks = _MISSING.search(error.detail) and not _REMOVE.search(error.detail)
        if asks or not has_some:
            return WITH_ALL_REASONING if back != "off" else None
        return WITHOUT_REASONING
    return None
