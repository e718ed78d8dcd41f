"""How servers differ from OpenAI: tables of names, and the functions that look things up in them.
Contract file: replaced by updates.

A quirk that is another word or another place is one more line here. How the fragments of tool calls differ is in
calls.py, what servers refuse in refusals.py, and what is not JSON in sse.py.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from ..errors import UpstreamError
from ..events import FinishReason

Body = dict[str, Any]

# Words for a finish reason, in lower case with underscores. "failed" is an error in the words of a finish reason.
_WORDS: dict[FinishReason | Literal["failed"], str] = {
    # OpenAI; Anthropic and Bedrock; Text Generation Inference, vLLM and Cohere
    "stop": "stop end_turn stop_sequence pause_turn end_of_turn eos eos_token complete completed finished",
    "tool_calls": "tool_calls function_call tool_use tool_call",
    # OpenAI; Anthropic and Gemini; Mistral; Cohere; gateways
    "length": """length max_tokens max_output_tokens max_completion_tokens max_new_tokens model_length max_length limit
        error_limit model_context_window_exceeded context_length_exceeded context_window_exceeded token_limit truncated
        incomplete""",
    # OpenAI; Gemini; Anthropic; Bedrock; GLM; Cohere; gateways
    "content_filter": """content_filter safety recitation blocklist prohibited_content spii language image_safety
        refusal content_filtered guardrail_intervened sensitive error_toxic content_policy_violation blocked
        moderation""",
    # OpenRouter and Cohere; GLM; DeepSeek; Gemini; vLLM and SGLang; gateways
    "failed": """error network_error insufficient_system_resource malformed_function_call unexpected_tool_call abort
        aborted failed server_error internal_error upstream_error timeout overloaded""",
}
FINISH_REASONS = {word: reason for reason, words in _WORDS.items() for word in words.split()}

# Names of a delta's reasoning: DeepSeek's, which vLLM and most others use; OpenRouter's and newer vLLM's; GitHub's;
# Ollama's own.
REASONING_NAMES = ("reasoning_content", "reasoning", "reasoning_text", "thinking")

# Fields of a tool call that servers want back with it: Gemini's signature of its thoughts, and gateways' places for it.
VENDOR_CALL_FIELDS = ("extra_content", "provider_specific_fields", "thought_signature")

# Names of events that servers send to keep a connection open, and what they send where an event's JSON should be.
HEARTBEAT_EVENTS = frozenset(("ping", "pong", "heartbeat", "keepalive", "keep-alive", "keep_alive"))
_HEARTBEATS = HEARTBEAT_EVENTS | {"", "null"}


def finish_reason(given: Any) -> FinishReason:
    """Our word for a server's finish reason; `stop` if it is unknown. Raises `UpstreamError` if it is a failure."""
    reason = FINISH_REASONS.get(given) if isinstance(given, str) else None
    if reason is None:
        word = re.sub(r"(?<=[a-z])(?=[A-Z])|[ -]", "_", str(given)[:100]).lower()
        reason = FINISH_REASONS.get(word.rpartition(".")[2].removeprefix("finish_reason_"), "stop")
    if reason == "failed":
        raise UpstreamError("in_stream", f"the finish reason {str(given)[:100]}")
    return reason


def is_heartbeat(payload: bytes) -> bool:
    """Whether what a server sent in the place of a chunk only keeps the connection open: a word, or a number."""
    word = payload[:30].strip().strip(b"\"'[]<>:. ").decode("latin-1").lower()
    return len(payload) < 30 and (word in _HEARTBEATS or word.isdecimal())


def usage_elsewhere(chunk: Body, choice: Body) -> Any:
    """The usage in a chunk that has none in its usual place: Moonshot's place, Groq's, and that of some gateways."""
    return choice.get("usage") or (chunk.get("x_groq") or {}).get("usage") or (choice.get("delta") or {}).get("usage")


def raise_error_in(chunk: Body, choice: Body) -> None:
    """Raises `UpstreamError` if a chunk reports one as OpenAI, OpenRouter, vLLM, FastAPI, Cloudflare or MiniMax do."""
    error = chunk.get("error") or choice.get("error") or (choice.get("delta") or {}).get("error")
    if not error and not chunk.get("choices"):
        kinds = (chunk.get("object"), chunk.get("type"), chunk.get("status"))
        if (chunk.get("message") or chunk.get("msg")) and ("code" in chunk or "error" in kinds):
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
        image = part.get("image_url", part) if isinstance(part, dict) else part
        if isinstance(image, dict):
            data = image.get("b64_json")
            image = f"data:image/png;base64,{data}" if data else image.get("url")
        if isinstance(image, str) and image.startswith(("data:", "http:", "https:")):
            yield image
