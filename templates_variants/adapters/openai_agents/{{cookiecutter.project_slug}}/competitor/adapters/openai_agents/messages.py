"""Converts messages between the SDK's items and OpenAI's wire format. The SDK itself converts what is new."""
# Contract file: replaced by updates.

import json
from collections.abc import Iterable
from typing import Any

from agents import ModelResponse
from agents.items import TResponseOutputItem
from agents.models.chatcmpl_converter import Converter
from agents.models.fake_id import FAKE_RESPONSES_ID
from agents.usage import Usage
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
)
from openai.types.responses.response_reasoning_item import Summary

from ...api import Completion, ToolCall
from .run import AgentsRun, Body

# The tool that stands for all those that do not exist. The toolbox tells the model which ones do.
UNKNOWN_TOOL = "unknown_tool"


def to_items(messages: Iterable[Body]) -> list[Body]:
    """Converts a conversation to the SDK's items, which guardrails and handoffs see."""
    items: list[Body] = []
    for message in messages:
        role, content = message["role"], message.get("content") or ""
        if role == "tool":
            output = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
            items.append({"type": "function_call_output", "call_id": message["tool_call_id"], "output": output})
            continue
        if content or not message.get("tool_calls"):
            items.append({"role": role, "content": content if isinstance(content, str) else [*map(_part, content)]})
        for call in message.get("tool_calls") or ():
            items.append({"type": "function_call", "call_id": call["id"], **call["function"]})
    return items


def _part(part: Body) -> Body:
    if part["type"] == "image_url":
        image = part["image_url"]
        return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")}
    return {"type": "input_text", "text": part.get("text") or f"[{part['type']}]"}


def to_openai(instructions: str | None, given: str | list[Any], run: AgentsRun | None) -> list[Body]:
    """Converts the input of a model call. The caller's messages stay in wire format, unless a handoff changes them."""
    items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else given
    found: list[Body] = [{"role": "system", "content": instructions}] if instructions else []
    if run is not None and run.items and items[: len(run.items)] == run.items:
        found, items = found + run.messages, items[len(run.items) :]
    for message in Converter.items_to_messages(items):
        body: Body = dict(message)
        ids = tuple(call["id"] for call in body.get("tool_calls") or ())
        found.append(run.said.get(ids, body) if run is not None and ids else body)
    return found


def to_response(completion: Completion, calls: Iterable[ToolCall], known: set[str]) -> ModelResponse:
    """Converts a finished completion to a response with these calls. A tool that is not `known` is `UNKNOWN_TOOL`."""
    output: list[TResponseOutputItem] = []
    if completion.reasoning:
        summary = [Summary(text=completion.reasoning, type="summary_text")]
        output.append(ResponseReasoningItem(id=FAKE_RESPONSES_ID, summary=summary, type="reasoning"))
    made = [_call(call, known) for call in calls]
    if completion.text or not made:
        output.append(text_item(completion.text))
    return ModelResponse(output=[*output, *made], usage=_usage(completion), response_id=None)


def text_item(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(text=text, annotations=[], type="output_text", logprobs=[])
    return ResponseOutputMessage(
        id=FAKE_RESPONSES_ID, content=[content], role="assistant", status="completed", type="message"
    )


def _call(call: ToolCall, known: set[str]) -> ResponseFunctionToolCall:
    name, arguments = call.name, call.arguments or "{}"
    if name not in known:
        name, arguments = UNKNOWN_TOOL, json.dumps({"name": name, "arguments": arguments})
    return ResponseFunctionToolCall(call_id=call.id, name=name, arguments=arguments, type="function_call")


def _usage(completion: Completion) -> Usage:
    if (usage := completion.usage) is None:
        return Usage(requests=1)
    asked, said = usage.prompt_tokens, usage.completion_tokens
    return Usage(requests=1, input_tokens=asked, output_tokens=said, total_tokens=asked + said)
