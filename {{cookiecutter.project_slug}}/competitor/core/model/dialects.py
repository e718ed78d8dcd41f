"""How servers differ from OpenAI: tables of names, and the functions that look things up in them.
Contract file: replaced by updates.

A quirk that is another word or another place is one more line here. How the fragments of tool calls differ is in
calls.py, what servers refuse in refusals.py, and what is not JSON in sse.py.
"""

import json
from collections.abc import Iterator
from typing import Any, Literal

from ..errors import UpstreamError
from ..events import FinishReason

Body = dict[str, Any]

# Finish reasons, in lower case. "failed" is an error in the words of a finish reason.
FINISH_REASONS: dict[str, FinishReason | Literal["failed"]] = {
    # OpenAI
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # Anthropic, and gateways before it
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    # Gemini
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "language": "content_filter",
    "image_safety": "content_filter",
    "malformed_function_call": "failed",
    "unexpected_tool_call": "failed",
    # Mistral, Cohere, Text Generation Inference, llama.cpp
    "model_length": "length",
    "max_length": "length",
    "max_output_tokens": "length",
    "context_length_exceeded": "length",
    "limit": "length",
    "complete": "stop",
    "tool_call": "tool_calls",
    "eos": "stop",
    "eos_token": "stop",
    "error_limit": "length",
    "error_toxic": "content_filter",
    "error": "failed",
    # Bedrock, GLM, Azure
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "sensitive": "content_filter",
    "network_error": "failed",
    # DeepSeek, vLLM and SGLang
    "insufficient_system_resource": "failed",
    "abort": "failed",
    "aborted": "failed",
}

# Names of a delta's reasoning: DeepSeek's, which vLLM and most others use; OpenRouter's and newer vLLM's; GitHub's.
REASONING_NAMES = ("reasoning_content", "reasoning", "reasoning_text")

# Fields of a tool call that servers want back with it: Gemini's signature of its thoughts, and LiteLLM's place for it.
VENDOR_CALL_FIELDS = ("extra_content", "provider_specific_fields")

# Names of events that servers send to keep a connection open, and what they send where an event's JSON should be.
HEARTBEAT_EVENTS = frozenset(("ping", "pong", "heartbeat", "keepalive", "keep-alive", "keep_alive"))
HEARTBEATS = HEARTBEAT_EVENTS | {"", "null", "[ping]", ": ping", ":"}


def finish_reason(given: Any) -> FinishReason:
    """Our word for a server's finish reason; `stop` if it is unknown. Raises `UpstreamError` if it is a failure."""
    reason = FINISH_REASONS.get(str(given).lower(), "stop")
    if reason == "failed":
        raise UpstreamError("in_stream", f"the finish reason {str(given)[:100]}")
    return reason


def usage_elsewhere(chunk: Body, choice: Body) -> Any:
    """The usage in a chunk that has none in its usual place: Moonshot's place, Groq's, and that of some gateways."""
    return choice.get("usage") or (chunk.get("x_groq") or {}).get("usage") or (choice.get("delta") or {}).get("usage")


def raise_error_in(chunk: Body, choice: Body) -> None:
    """Raises `UpstreamError` if a chunk reports one as OpenAI, OpenRouter, vLLM, FastAPI, Cloudflare or MiniMax do."""
    error = chunk.get("error") or choice.get("error")
    if not error and not chunk.get("choices"):
        if chunk.get("message") and ("code" in chunk or "error" in (chunk.get("object"), chunk.get("type"))):
            error = chunk
        state = chunk.get("base_resp")
        failed = isinstance(state, dict) and state.get("status_code")
        error = error or chunk.get("detail") or chunk.get("errors") or (state if failed else None)
    if error:
        raise UpstreamError("in_stream", json.dumps(error)[:500], status=_status(error) or _status(chunk))


def _status(error: Any) -> int:
    """The HTTP status that an error names, or 0."""
    code = (error.get("status_code") or error.get("code") or error.get("status")) if isinstance(error, dict) else None
    try:
        number = int(code or 0)
    except (TypeError, ValueError):
        return 0
    return number if 400 <= number < 600 else 0


def parts(value: Any) -> tuple[str, str]:
    """The reasoning and the text of a delta's content: a string, or a list of parts, of which Mistral's may think."""
    if isinstance(value, str):
        return "", value
    if not isinstance(value, list):
        raise TypeError
    thought, text = "", ""
    for part in value:
        if isinstance(part, str):
            text += part
        elif part.get("type") in ("thinking", "reasoning"):
            thought += words(part.get("thinking") or part.get("reasoning") or part.get("text") or "")
        else:
            text += words(part.get("text") or part.get("refusal") or "")
    return thought, text


def words(value: Any) -> str:
    """The words of a string, or of a list of parts of any type."""
    return value if isinstance(value, str) else "".join(parts(value))


def pictures(delta: Body) -> Iterator[str]:
    """The URLs of the images in a delta: in OpenRouter's `images`, or parts of the content."""
    content = delta.get("content")
    for part in [*(delta.get("images") or ()), *(content if isinstance(content, list) else ())]:
        image = part.get("image_url") if isinstance(part, dict) else None
        url = image.get("url") if isinstance(image, dict) else image
        if isinstance(url, str) and url:
            yield url
