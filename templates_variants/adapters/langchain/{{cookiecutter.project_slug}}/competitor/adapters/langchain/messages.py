"""Converts messages between LangChain's classes and OpenAI's wire format, and completions to messages."""
# Contract file: replaced by updates.

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    ToolCallChunk,
    convert_to_messages,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from ...api import Completion, Reasoning, Text, ToolCallPiece

_WANTED_BACK = "wanted_back"

Body = dict[str, Any]
Piece = Text | Reasoning | ToolCallPiece


def to_langchain(messages: Sequence[Body]) -> list[BaseMessage]:
    """Converts messages to LangChain's classes. Arguments of a call become `{}` if they are not a JSON object."""
    return convert_to_messages([_with_readable_calls(message) for message in messages])


def to_openai(messages: Sequence[BaseMessage]) -> list[Body]:
    """Converts messages to OpenAI's format. Images may already be in that format; other media raise `ValueError`."""
    return [_to_openai(message) for message in messages]


def tool_choice(given: Any) -> Any:
    """Converts LangChain's tool choice to OpenAI's.

    `any` and True become `required`. The name of a tool becomes an object that contains this name.
    """
    if given in ("any", True):
        return "required"
    if isinstance(given, str) and given not in ("auto", "none", "required"):
        return {"type": "function", "function": {"name": given}}
    return given or None


def from_completion(completion: Completion) -> AIMessage:
    """Converts a finished completion to a message."""
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in (*completion.tool_calls, *completion.client_calls):
        arguments = _object(call.arguments)
        if arguments is None:
            error = "The arguments are not a JSON object."
            invalid.append(invalid_tool_call(id=call.id, name=call.name, args=call.arguments, error=error))
        else:
            calls.append(tool_call(id=call.id, name=call.name, args=arguments))
    return AIMessage(
        content=completion.text,
        additional_kwargs={
            **({"reasoning_content": completion.reasoning} if completion.reasoning else {}),
            **_wanted_back(completion.message),
        },
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=_usage(completion),
        response_metadata=_metadata(completion),
    )


def chunk(piece: Piece) -> AIMessageChunk:
    """Converts a piece of a completion to a chunk. A part of a tool call becomes a `ToolCallChunk` in it."""
    if isinstance(piece, Text):
        return AIMessageChunk(content=piece.text)
    if isinstance(piece, Reasoning):
        return AIMessageChunk(content="", additional_kwargs={"reasoning_content": piece.text})
    return AIMessageChunk(content="", tool_call_chunks=[_fragment(piece)])


def block_chunk(piece: Piece) -> AIMessageChunk:
    """Converts a piece to content blocks (LangChain's output version v1). Each kind of block has its own index.

    With LangChain's own conversion, reasoning and the first call would both get index 0 and be merged.
    """
    version = {"output_version": "v1"}
    if isinstance(piece, Text):
        return AIMessageChunk(
            content=[{"type": "text", "text": piece.text, "index": "lc_text"}], response_metadata=version
        )
    if isinstance(piece, Reasoning):
        thought = {"type": "reasoning", "reasoning": piece.text, "index": "lc_reasoning"}
        return AIMessageChunk(content=[thought], response_metadata=version)
    fragment = _fragment(piece)
    return AIMessageChunk(content=[{**fragment}], tool_call_chunks=[fragment], response_metadata=version)


def last_chunk(completion: Completion) -> AIMessageChunk:
    """The last chunk of a completion, with its usage and metadata."""
    return AIMessageChunk(
        content="",
        additional_kwargs=_wanted_back(completion.message),
        usage_metadata=_usage(completion),
        response_metadata=_metadata(completion),
        chunk_position="last",
    )


def _fragment(piece: ToolCallPiece) -> ToolCallChunk:
    return tool_call_chunk(name=piece.name, args=piece.text, id=piece.id, index=piece.number)


def _usage(completion: Completion) -> UsageMetadata | None:
    if (usage := completion.usage) is None:
        return None
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
    )


def _metadata(completion: Completion) -> Body:
    return {"model_name": completion.model, "finish_reason": completion.finish_reason}


def _to_openai(message: BaseMessage) -> Body:
    body: Body = convert_to_openai_messages([message])[0]
    for call in message.invalid_tool_calls if isinstance(message, AIMessage) else ():
        # Without the call, its result would belong to no call, and servers refuse such a result.
        function = {"name": call["name"] or "unknown", "arguments": "{}"}
        body.setdefault("tool_calls", []).append({"type": "function", "id": call["id"], "function": function})
    wanted = message.additional_kwargs.get(_WANTED_BACK)
    if wanted and body.get("tool_calls"):
        body |= wanted["message"]
        for call in body["tool_calls"]:
            call |= wanted["calls"].get(call["id"], {})
    return body


def _wanted_back(message: Body) -> Body:
    """What a server wants back with its tool calls: the reasoning, and a vendor's own fields (R5, R9).

    LangChain's classes have no place for these, so they are in `additional_kwargs` until `to_openai` puts them back.
    """
    calls = {call["id"]: _rest(call, ("id", "type", "function")) for call in message.get("tool_calls") or ()}
    wanted = {
        "message": _rest(message, ("role", "content", "name", "tool_calls", "tool_call_id")),
        "calls": {call_id: fields for call_id, fields in calls.items() if fields},
    }
    return {_WANTED_BACK: wanted} if any(wanted.values()) else {}


def _rest(body: Body, known: tuple[str, ...]) -> Body:
    return {name: value for name, value in body.items() if name not in known}


def _with_readable_calls(message: Body) -> Body:
    calls = [
        {
            **call,
            "function": {**call["function"], "arguments": json.dumps(_object(call["function"]["arguments"]) or {})},
        }
        for call in message.get("tool_calls", ())
    ]
    readable: Body = {**message, "content": message.get("content") or ""}
    return readable | ({"tool_calls": calls, **_wanted_back(message)} if calls else {})


def _object(text: str) -> Body | None:
    """Parses a call's arguments. Empty text becomes an empty object; returns None if it is not a JSON object."""
    try:
        value = json.loads(text or "{}", strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
