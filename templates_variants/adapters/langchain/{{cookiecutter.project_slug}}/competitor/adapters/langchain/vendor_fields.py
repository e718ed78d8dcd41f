"""Keeps what LangChain's classes have no place for: reasoning, and a vendor's own fields of tool calls."""
# Contract file: replaced by updates.

from typing import Any

_WANTED_BACK = "wanted_back"

Body = dict[str, Any]


def wanted_back(message: Body) -> Body:
    """What a server wants back with its tool calls: the reasoning, and a vendor's own fields (R5, R9).

    LangChain's classes have no place for these, so they are in `additional_kwargs` until `put_back` puts them back.
    """
    calls = {call["id"]: _rest(call, ("id", "type", "function")) for call in message.get("tool_calls") or ()}
    wanted = {
        "message": _rest(message, ("role", "content", "name", "tool_calls", "tool_call_id")),
        "calls": {call_id: fields for call_id, fields in calls.items() if fields},
    }
    return {_WANTED_BACK: wanted} if any(wanted.values()) else {}


def _rest(body: Body, known: tuple[str, ...]) -> Body:
    return {name: value for name, value in body.items() if name not in known}


def put_back(body: Body, kept: Body) -> Body:
    """Adds to a message in wire format what `wanted_back` has kept of it."""
    wanted = kept.get(_WANTED_BACK)
    if wanted and body.get("tool_calls"):
        body |= wanted["message"]
        for call in body["tool_calls"]:
            call |= wanted["calls"].get(call["id"], {})
    return body
