"""The parts of `/openapi.json` that FastAPI cannot derive: the request, the stream and the errors."""
# Contract file: replaced by updates.

from typing import Any

from ..request.schema import ChatRequest

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
        }
    },
}
_REFUSED = {"description": "Refused (S16)", "content": {"application/json": {"schema": _ERROR}}}
# The responses that every route may send.
REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": _REFUSED}

_REQUEST = ChatRequest.model_json_schema(ref_template="#/components/schemas/{model}")
SCHEMAS: dict[str, Any] = {**_REQUEST.pop("$defs", {}), "ChatRequest": _REQUEST}

_BODY = {"application/json": {"schema": {"$ref": "#/components/schemas/ChatRequest"}}}
CHAT = {"requestBody": {"required": True, "content": _BODY}}
CHAT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The answer", "content": {"application/json": {}, "text/event-stream": {}}},
    503: {**_REFUSED, "description": "Too many requests are open"},
}
METRICS_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The figures", "content": {"text/plain": {}, "application/json": {}}}
}
