"""Usage (section 5): tokens and cost as the upstream reports them, or else an estimate that needs no network."""
# Contract file: replaced by updates.

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard, TypeVar

# A token is about four bytes of UTF-8 in English, and within a third of that in most other scripts.
_BYTES_A_TOKEN = 4
# An image counts as many tokens as OpenAI charges for one at low detail. Its base64 is not text (U3).
_TOKENS_AN_IMAGE = 85
_TOKENS_A_MESSAGE = 4

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one or several model calls. The other figures are None while unknown (U2).

    `cached_tokens` is a part of the prompt's tokens, and `reasoning_tokens` of the completion's.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None
    sandbox_seconds: float | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            _sum(self.cost_usd, other.cost_usd),
            _sum(self.sandbox_seconds, other.sandbox_seconds),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
        )

    def priced(self, prompt: float | None, completion: float | None) -> "Usage":
        """This usage plus its cost (prices: USD per million tokens); unchanged if it has a cost or a price is None."""
        if self.cost_usd is not None or prompt is None or completion is None:
            return self
        cost = (self.prompt_tokens * prompt + self.completion_tokens * completion) / 1e6
        return replace(self, cost_usd=cost)

    def as_json(self) -> dict[str, Any]:
        """The usage object (U1): three token counts that add up, and the other figures if known."""
        shown: dict[str, Any] = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }
        if self.cost_usd is not None:
            shown["cost_usd"] = self.cost_usd
        if self.sandbox_seconds is not None:
            shown["sandbox_seconds"] = self.sandbox_seconds
        if self.cached_tokens is not None:
            shown["prompt_tokens_details"] = {"cached_tokens": self.cached_tokens}
        if self.reasoning_tokens is not None:
            shown["completion_tokens_details"] = {"reasoning_tokens": self.reasoning_tokens}
        return shown


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return other if one is None else one if other is None else one + other


def read_usage(given: Any) -> Usage | None:
    """Reads an upstream's `usage` object; None if it lacks one of the two token counts."""
    if not isinstance(given, dict):
        return None
    prompt = given.get("prompt_tokens", given.get("input_tokens"))  # some gateways keep Anthropic's names
    completion = given.get("completion_tokens", given.get("output_tokens"))
    if not (_is_count(prompt) and _is_count(completion)):
        return None
    cost = given.get("cost_usd", given.get("cost"))  # OpenRouter's name is `cost`
    known = isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < float("inf")
    # OpenAI's, DeepSeek's and Moonshot's names for the tokens that were read from a cache.
    cached = _detail(given, "prompt_tokens_details", "cached_tokens")
    cached = given.get("prompt_cache_hit_tokens", given.get("cached_tokens")) if cached is None else cached
    thought = _detail(given, "completion_tokens_details", "reasoning_tokens")
    return Usage(
        prompt,
        completion,
        cost if known else None,
        cached_tokens=cached if _is_count(cached) else None,
        reasoning_tokens=thought if _is_count(thought) else None,
    )


def _detail(usage: dict[str, Any], group: str, name: str) -> Any:
    details = usage.get(group)
    return details.get(name) if isinstance(details, dict) else None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def text_tokens(size: int) -> int:
    """Estimates the tokens of a text from its size in bytes of UTF-8; at least 1 for any text."""
    return -(-size // _BYTES_A_TOKEN)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Estimates the tokens of a call's messages, images and tools. `body` is the body sent to an upstream."""
    total = 0
    for message in body.get("messages", ()):
        total += _TOKENS_A_MESSAGE + _content_tokens(message.get("content"))
        for call in message.get("tool_calls", ()):
            total += text_tokens(_size(call["function"]["name"]) + _size(call["function"]["arguments"]))
    tools = body.get("tools")
    return total + (text_tokens(len(json.dumps(tools, separators=(",", ":")))) if tools else 0)


def _content_tokens(content: Any) -> int:
    if isinstance(content, str):
        return text_tokens(_size(content))
    return sum(
        text_tokens(_size(part["text"])) if part.get("type") == "text" else _TOKENS_AN_IMAGE for part in content or ()
    )


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
