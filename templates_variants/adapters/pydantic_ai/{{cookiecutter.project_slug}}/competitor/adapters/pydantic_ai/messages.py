"""Converts messages between PydanticAI's classes and OpenAI's wire format."""
# Contract file: replaced by updates.

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pydantic_ai import messages as theirs
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse

from .kept import Body, Kept, Part

# The tool that stands for all those that do not exist. The toolbox tells the model which ones do.
UNKNOWN_TOOL = "unknown_tool"


def to_pydantic_ai(messages: Iterable[Body], kept: Kept) -> list[ModelMessage]:
    """Converts a conversation to PydanticAI's classes. `kept` remembers what it was made from."""
    found: list[ModelMessage] = []
    names: dict[str, str] = {}
    for message in messages:
        parts = kept.keep(list(_parts(message, names)), message)
        if message["role"] == "assistant":
            found.append(ModelResponse(parts=parts))
        elif found and isinstance(found[-1], ModelRequest):
            found[-1] = ModelRequest(parts=[*found[-1].parts, *parts])
        else:
            found.append(ModelRequest(parts=parts))
    if isinstance(found[-1], ModelResponse):
        found.append(ModelRequest(parts=[]))  # without it, PydanticAI would take the last message as its answer
    return found


def to_openai(messages: Sequence[ModelMessage], instructions: str, kept: Kept) -> list[Body]:
    """Converts messages to OpenAI's format. Raises `ValueError` for a part that this format does not have."""
    found: list[Body] = [{"role": "system", "content": instructions}] if instructions else []
    for message in messages:
        if isinstance(message, ModelResponse):
            found.append(kept.of(message.parts, 0)[0] or _response(message))
            continue
        at = 0
        while at < len(message.parts):
            body, count = kept.of(message.parts, at)
            if body := body or _request(message.parts[at]):
                found.append(body)
            at += count
    return found


def call_part(call_id: str, name: str, arguments: str, known: Iterable[str] | None = None) -> theirs.ToolCallPart:
    """A call as a part. If its tool is not among the `known` ones, it becomes a call of `UNKNOWN_TOOL`."""
    if known is None or name in known:
        return theirs.ToolCallPart(name, arguments or "{}", tool_call_id=call_id)
    return theirs.ToolCallPart(UNKNOWN_TOOL, json.dumps({"name": name, "arguments": arguments}), tool_call_id=call_id)


def called_name(part: theirs.ToolCallPart) -> str:
    """The name of the tool that the model has called."""
    return str(part.args_as_dict()["name"]) if part.tool_name == UNKNOWN_TOOL else part.tool_name


def _parts(message: Body, names: dict[str, str]) -> Iterator[Part]:
    """The parts of one message. `names` are the names of the tools that were called so far, by the ids of the calls."""
    content = message.get("content") or ""
    if message["role"] == "system":
        yield theirs.SystemPromptPart(_text(content))
    elif message["role"] == "user":
        yield theirs.UserPromptPart(content if isinstance(content, str) else tuple(map(_item, content)))
    elif message["role"] == "tool":
        call_id = message["tool_call_id"]
        yield theirs.ToolReturnPart(names.get(call_id, "unknown"), _text(content), tool_call_id=call_id)
    else:
        yield theirs.TextPart(_text(content))
        for call in message.get("tool_calls") or ():
            name = names[call["id"]] = call["function"]["name"]
            yield call_part(call["id"], name, call["function"]["arguments"])


def _text(content: str | list[Body]) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _item(part: Body) -> theirs.UserContent:
    if part["type"] == "text":
        return str(part["text"])
    if part["type"] == "image_url":
        url, detail = part["image_url"]["url"], part["image_url"].get("detail")
        more = {"detail": detail} if detail else None
        if url.startswith("data:"):
            return replace(theirs.BinaryContent.from_data_uri(url), vendor_metadata=more)
        return theirs.ImageUrl(url, vendor_metadata=more)
    # PydanticAI has no class for every kind of part. Unless your code replaces it, it is sent unchanged.
    return theirs.TextContent(f"[{part['type']}]", metadata=part)


def _request(part: theirs.ModelRequestPart) -> Body | None:
    match part:
        case theirs.SystemPromptPart():
            return {"role": "system", "content": part.content}
        case theirs.UserPromptPart():
            content = part.content if isinstance(part.content, str) else [*map(_content, part.content)]
            return {"role": "user", "content": content}
        case theirs.ToolReturnPart():
            return {"role": "tool", "content": part.model_response_str(), "tool_call_id": part.tool_call_id}
        case theirs.RetryPromptPart() if part.tool_name:
            return {"role": "tool", "content": part.model_response(), "tool_call_id": part.tool_call_id}
        case theirs.RetryPromptPart():
            return {"role": "user", "content": part.model_response()}
    return None  # PydanticAI's notes to itself


def _content(item: theirs.UserContent) -> Body:
    match item:
        case str():
            return {"type": "text", "text": item}
        case theirs.TextContent():
            return item.metadata if isinstance(item.metadata, dict) else {"type": "text", "text": item.content}
        case theirs.ImageUrl():
            return {"type": "image_url", "image_url": {"url": item.url, **(item.vendor_metadata or {})}}
        case theirs.BinaryContent() if item.is_image:
            return {"type": "image_url", "image_url": {"url": item.data_uri, **(item.vendor_metadata or {})}}
        case theirs.BinaryContent() if item.is_audio:
            data = base64.b64encode(item.data).decode()
            return {"type": "input_audio", "input_audio": {"data": data, "format": item.format}}
        case theirs.BinaryContent():
            return {"type": "file", "file": {"filename": item.identifier, "file_data": item.data_uri}}
    raise ValueError(f"OpenAI's format has no {type(item).__name__}")


def _response(message: ModelResponse) -> Body:
    body: Body = {"role": "assistant", "content": message.text or ""}
    calls = [_call(part) for part in message.parts if isinstance(part, theirs.ToolCallPart)]
    return body | ({"tool_calls": calls} if calls else {})


def _call(part: theirs.ToolCallPart) -> Body:
    arguments = "{}" if part.tool_name == UNKNOWN_TOOL else part.args_as_json_str()
    function = {"name": called_name(part), "arguments": arguments}
    return {"id": part.tool_call_id, "type": "function", "function": function}
