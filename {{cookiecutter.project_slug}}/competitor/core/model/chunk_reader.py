"""Reads an upstream's chunks, in all the formats that servers use, and passes their content to a sink."""
# Contract file: replaced by updates.

import json
import secrets
from dataclasses import dataclass
from io import StringIO
from typing import Any, cast

from pydantic_core import from_json

from ..errors import UpstreamError
from ..events import FinishReason, Sink, ToolCall
from ..usage import Usage, read_usage
from .chunk_fast_path import UsualChunk, usual_chunk
from .think_tags import ThinkTags

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


# After this many chunks that the fast path could not read, it learns the usual chunk again.
_LEARN_EVERY = 4


@dataclass(slots=True)
class PartialCall:
    """A tool call whose arguments are still arriving. `number` is what `Sink.call` returned for it."""

    id: str
    name: str
    number: int | None
    arguments: str = ""

    def whole(self) -> ToolCall:
        return ToolCall(self.name, self.arguments, self.id)


class ChunkReader:
    """Reads one completion. Passes text, reasoning and calls of the client's tools to the sink at once."""

    def __init__(self, sink: Sink):
        self._sink = sink
        self.text = StringIO()  # a list of a million tokens would take ten times the memory
        self.reasoning = StringIO()
        self.calls: list[PartialCall] = []
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self.began = False
        self._by_index: dict[int, PartialCall] = {}
        self._tags: ThinkTags | None = ThinkTags()  # None once only text can follow
        self._usual: UsualChunk | None = None
        self._chunks = 0

    def chunk(self, payload: bytes) -> None:
        """Reads one event of a stream. Raises `UpstreamError`."""
        if self._usual is not None and (text := self._usual.text(payload)):
            self.text.write(text)
            self._sink.text(text)
            return
        chunk = _parsed(payload)
        self._read(chunk, "delta")
        self._chunks += 1
        if self._chunks % _LEARN_EVERY == 0 and self._tags is None and (text := _only_text(chunk)) is not None:
            self._usual = usual_chunk(payload, text)

    def ended(self) -> None:
        """Ends the stream: passes on text that was held back because it might have been the start of a tag."""
        if self._tags is not None:
            self._said(*self._tags.rest())

    def whole(self, body: bytes) -> None:
        """Reads the answer of a server that does not stream: one JSON object. Raises `UpstreamError`."""
        self._read(_parsed(body), "message")

    def _read(self, chunk: dict[str, Any], key: str) -> None:
        self.began = True
        try:
            if chunk.get("error"):
                raise UpstreamError("in_stream", json.dumps(chunk["error"])[:500])
            usage = chunk.get("usage")
            if choices := chunk.get("choices"):
                choice = choices[0]
                if delta := choice.get(key):
                    self._delta(delta)
                if reason := choice.get("finish_reason"):
                    self.finish_reason = _REASONS.get(reason, "stop")
                    # Moonshot's and Groq's places for it
                    usage = usage or choice.get("usage") or (chunk.get("x_groq") or {}).get("usage")
            if usage:
                self.usage = read_usage(usage) or self.usage
        except (AttributeError, KeyError, LookupError, TypeError, ValueError) as error:
            raise UpstreamError("not_openai", f"a chunk with an unknown structure: {type(error).__name__}") from None

    def _delta(self, delta: dict[str, Any]) -> None:
        # Reasoning has two names: DeepSeek's, which vLLM and most others use, and OpenRouter's.
        if text := delta.get("reasoning_content") or delta.get("reasoning"):
            self._said(_as_text(text), "")
        if text := delta.get("content"):
            text = _as_text(text)
            thought, text = self._tags.parted(text) if self._tags is not None else ("", text)
            self._said(thought, text)
        for piece in delta.get("tool_calls") or ():
            self._call(piece)

    def _said(self, thought: str, text: str) -> None:
        if thought:
            self.reasoning.write(thought)
            self._sink.reasoning(thought)
        if text:
            self.text.write(text)
            self._sink.text(text)
        if self._tags is not None and self._tags.over:
            self._tags = None

    def _call(self, piece: dict[str, Any]) -> None:
        """Reads one fragment of a call. Some servers omit the index, repeat the name, or reuse an index."""
        function = piece.get("function") or {}
        known = self._known(piece)
        if known is None or (function.get("name") and piece.get("id") not in (None, "", known.id)):
            known = self._begun(piece, function.get("name"))
        arguments = function.get("arguments")
        if arguments:
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            known.arguments += text
            if known.number is not None:
                self._sink.arguments(known.number, text)

    def _known(self, piece: dict[str, Any]) -> PartialCall | None:
        """The call that a fragment continues: the one with its index, else the one with its id, else the last one."""
        if piece.get("index") is not None:
            return self._by_index.get(piece["index"])
        if piece.get("id"):
            return next((call for call in self.calls if call.id == piece["id"]), None)
        return self.calls[-1] if self.calls else None

    def _begun(self, piece: dict[str, Any], name: Any) -> PartialCall:
        if not isinstance(name, str) or not name:
            raise UpstreamError("not_openai", "a tool call without a name")
        call_id = str(piece.get("id") or f"call_{secrets.token_hex(12)}")
        call = PartialCall(call_id, name, self._sink.call(call_id, name))
        self.calls.append(call)
        if piece.get("index") is not None:
            self._by_index[piece["index"]] = call
        return call


def _parsed(payload: bytes) -> dict[str, Any]:
    try:
        chunk = from_json(payload, cache_strings="keys")  # cached ids and texts would fragment the memory
    except ValueError:
        try:  # half a surrogate pair: the strict parser refuses it; `answer.py` repairs it
            chunk = json.loads(payload)
        except (ValueError, RecursionError):
            raise UpstreamError("not_openai", "an event that is not JSON") from None
    if not isinstance(chunk, dict):
        raise UpstreamError("not_openai", "an event that is not an object")
    return cast(dict[str, Any], chunk)


def _only_text(chunk: dict[str, Any]) -> str | None:
    """The text of a chunk that holds only text, otherwise None."""
    choices = chunk.get("choices")
    if chunk.get("usage") or not choices or choices[0].get("finish_reason"):
        return None
    delta = {name: value for name, value in (choices[0].get("delta") or {}).items() if value and name != "role"}
    text = delta.get("content")
    return text if isinstance(text, str) and len(delta) == 1 else None


def _as_text(value: Any) -> str:
    """The text of a string, or of a list of parts, which Mistral's reasoning models send."""
    if isinstance(value, str):
        return value
    return "".join(
        part if isinstance(part, str) else _as_text(part.get("text") or part.get("thinking") or "") for part in value
    )
