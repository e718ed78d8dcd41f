"""Makes the body of an upstream request from the caller's request, with OpenAI's own fields only (R9)."""
# Contract file: replaced by updates.

from typing import Any

from ..request.schema import AllowedChoice, ChatRequest, FilePart, ForcedTool, Message, Part, PassedOn, RefusalPart
from .history import without_bytes

Body = dict[str, Any]


def options(request: ChatRequest) -> Body:
    """The caller's options that are passed on unchanged: sampling, limits, response format."""
    return request.as_json(PassedOn)


def messages(request: ChatRequest) -> list[Body]:
    return [message(given) for given in request.messages]


def tools(request: ChatRequest) -> Body:
    """`tools` (without repeated names, R7) and `tool_choice`; an empty dict if the caller offers no tools."""
    offered = request.offered_tools
    if not offered:
        return {}
    body: Body = {"tools": [tool.as_json() for tool in offered]}
    if request.tool_choice is not None:
        choice = request.tool_choice
        if isinstance(choice, AllowedChoice):  # `offered` has only the allowed tools
            body["tool_choice"] = choice.allowed_tools.mode
        else:
            body["tool_choice"] = choice.model_dump() if isinstance(choice, ForcedTool) else choice
    return body


def message(given: Message) -> Body:
    """Converts one message (R4, R5, R6), without Janus's own fields. Artifacts in earlier answers become names."""
    body: Body = {"role": "system" if given.role == "developer" else given.role}
    if isinstance(given.content, list):
        body["content"] = [_part(part) for part in given.content]
    elif given.content is not None or not given.tool_calls:
        body["content"] = given.content or ""
    if given.role == "assistant" and "content" in body:
        body["content"] = _told_before(body["content"])
    if given.name is not None:
        body["name"] = given.name
    if given.tool_calls:
        body["tool_calls"] = [call.as_json() for call in given.tool_calls]
    if given.tool_call_id is not None:
        body["tool_call_id"] = given.tool_call_id
    return body


def reasoning_by_message(request: ChatRequest) -> dict[Any, str]:
    """The reasoning of earlier answers that the client has sent back (R5), by `reasoning_key`."""
    told = ((message(given), given.reasoning_content) for given in request.messages)
    return {reasoning_key(given): reasoning for given, reasoning in told if reasoning}


def reasoning_key(message: Body) -> Any:
    """What tells an assistant's message from the others: the ids of its calls, else its text."""
    return tuple(call["id"] for call in message.get("tool_calls") or ()) or str(message.get("content"))


def _told_before(content: str | list[Body]) -> str | list[Body]:
    if isinstance(content, str):
        return without_bytes(content)
    return [_named(part) for part in content]


def _named(part: Body) -> Body:
    """Replaces an assistant's image by its name, since servers accept images from users only."""
    text = part["text"] if part["type"] == "text" else f"![image]({part['image_url']['url']})"
    return {"type": "text", "text": without_bytes(text)}


def _part(part: Part) -> Body:
    if isinstance(part, RefusalPart):
        return {"type": "text", "text": part.refusal}  # many servers know no such part
    if not isinstance(part, FilePart):
        return part.model_dump(exclude_none=True)
    file = part.file
    if file.mime_type.startswith("image/"):
        url = file.content if file.content.startswith("data:") else f"data:{file.mime_type};base64,{file.content}"
        return {"type": "image_url", "image_url": {"url": url}}
    label = f"File {file.name} ({file.mime_type})"
    text = f"{label}:\n\n{file.content}" if file.is_text else f"[{label}: a binary file, which cannot be shown as text]"
    return {"type": "text", "text": text}
