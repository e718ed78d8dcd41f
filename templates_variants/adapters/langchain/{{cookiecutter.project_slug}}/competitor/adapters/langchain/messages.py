"""Converts messages between LangChain's classes and OpenAI's wire format, and completions to messages."""
# Contract file: replaced by updates.

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    convert_to_messages,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call

from ...api import Completion
from .vendor_fields import put_back, wanted_back

Body = dict[str, Any]


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
            **wanted_back(completion.message),
        },
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=usage(completion),
        response_metadata=metadata(completion),
    )


def usage(completion: Completion) -> UsageMetadata | None:
    if (used := completion.usage) is None:
        return None
    return UsageMetadata(
        input_tokens=used.prompt_tokens,
        output_tokens=used.completion_tokens,
        total_tokens=used.prompt_tokens + used.completion_tokens,
    )


def metadata(completion: Completion) -> Body:
    return {"model_name": completion.model, "finish_reason": completion.finish_reason}


def _to_openai(message: BaseMessage) -> Body:
    body: Body = convert_to_openai_messages([message])[0]
    for call in message.invalid_tool_calls if isinstance(message, AIMessage) else ():
        # Without the call, its result would belong to no call, and servers refuse such a result.
        function = {"name": call["name"] or "unknown", "arguments": "{}"}
        body.setdefault("tool_calls", []).append({"type": "function", "id": call["id"], "function": function})
    return put_back(body, message.additional_kwargs)


def _with_readable_calls(message: Body) -> Body:
    calls = [
        {
            **call,
            "function": {**call["function"], "arguments": json.dumps(_object(call["function"]["arguments"]) or {})},
        }
        for call in message.get("tool_calls", ())
    ]
    readable: Body = {**message, "content": message.get("content") or ""}
    return readable | ({"tool_calls": calls, **wanted_back(message)} if calls else {})


def _object(text: str) -> Body | None:
    """Parses a call's arguments. Empty text becomes an empty object; returns None if it is not a JSON object."""
    try:
        value = json.loads(text or "{}", strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
