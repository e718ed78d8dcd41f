"""Reads an upstream's chunks, in all the formats that servers use, and passes their content to a sink."""
# Contract file: replaced by updates.

import json
from io import StringIO
from typing import Any, cast

from pydantic_core import from_json

from ..errors import UpstreamError
from ..events import FinishReason, Flow, Sink
from ..limits import MAX_WHOLE_RESPONSE_BYTES
from ..outbound.response import Response
from ..usage import Usage, read_usage
from .calls import Calls
from .chunk_fast_path import UsualChunk, usual_chunk
from .dialects import (
    REASONING_NAMES,
    finish_reason,
    is_heartbeat,
    parts,
    pictures,
    raise_error_in,
    usage_elsewhere,
    words,
)
from .sse import EventSplitter
from .think_tags import ThinkTags

# After this many chunks that the fast path could not read, it learns the usual chunk again.
_LEARN_EVERY = 4


class ChunkReader:
    """Reads one completion. Passes text, reasoning and calls of the client's tools to the sink at once."""

    def __init__(self, sink: Sink):
        self._sink = sink
        self.text = StringIO()  # a list of a million tokens would take ten times the memory
        self.reasoning = StringIO()
        self.reasoning_name = ""  # the field that it came in; empty if it came between tags
        self.calls = Calls(sink)
        self.pictures: list[str] = []  # URLs
        self.usage: Usage | None = None
        self.finish_reason: FinishReason | None = None
        self.began = False
        self.is_whole = False  # one object has arrived, not a stream of chunks
        self._tags: ThinkTags | None = ThinkTags()  # None once only text can follow
        self._usual: UsualChunk | None = None
        self._chunks = 0

    @property
    def has_told(self) -> bool:
        """Whether the sink got something that a second attempt would repeat."""
        called = any(call.number is not None for call in self.calls.found)
        return bool(self.text.tell() or self.reasoning.tell() or called)

    @property
    def has_said(self) -> bool:
        """Whether any piece of an answer has arrived; a tool call that nobody sees yet counts."""
        return bool(self.text.tell() or self.reasoning.tell() or self.calls.found or self.pictures)

    def chunk(self, payload: bytes) -> None:
        """Reads one event of a stream, or the one object of a server that does not stream. Raises `UpstreamError`."""
        if self._usual is not None and (text := self._usual.text(payload)):
            self.text.write(text)
            self._sink.text(text)
            return
        chunk = _parsed(payload)
        if chunk is None:
            return
        self._read(chunk)
        self._chunks += 1
        if self._chunks % _LEARN_EVERY == 0 and self._tags is None and (text := _only_text(chunk)) is not None:
            self._usual = usual_chunk(payload, text)

    def ended(self) -> None:
        """Ends the answer: passes on text that was held back because it might have been the start of a tag."""
        if self._tags is not None:
            self._said(*self._tags.rest())
        if self.calls.found:
            self.calls.end()

    def _read(self, chunk: dict[str, Any]) -> None:
        try:
            choices = chunk.get("choices")
            choice = choices[0] if choices else {}
            if delta := choice.get("delta"):
                self._delta(delta)
            elif (message := choice.get("message")) and not self.began:  # later, it repeats what was streamed
                self.is_whole = True
                self._delta(message)
            self.began = True
            given = choice.get("finish_reason")
            is_last = given or not choices or "usage" in choice
            if usage := chunk.get("usage") or (is_last and usage_elsewhere(chunk, choice)):
                self.usage = read_usage(usage) or self.usage
            if "error" in chunk or "error" in choice or (delta and "error" in delta) or not (choices or usage):
                raise_error_in(chunk, choice)
            if given:
                self.finish_reason = finish_reason(given)
        except (AttributeError, KeyError, LookupError, TypeError, ValueError) as error:
            raise UpstreamError("not_openai", f"a chunk with an unknown structure: {type(error).__name__}") from None

    def _delta(self, delta: dict[str, Any]) -> None:
        for name in REASONING_NAMES:  # lookups without a call: most deltas have one field only
            if name in delta and (thought := delta[name]):
                self.reasoning_name = name
                self._said(words(thought), "")
                break
        if content := delta.get("content"):
            thought, text = ("", content) if isinstance(content, str) else parts(content)
            if text and self._tags is not None:
                tagged, text = self._tags.parted(text)
                thought += tagged
            self._said(thought, text)
        if "refusal" in delta and (refusal := delta["refusal"]):
            self._said("", words(refusal))
        if "tool_calls" in delta and (fragments := delta["tool_calls"]):
            self.calls.take(fragments, whole=self.is_whole)
        elif "function_call" in delta and (call := delta["function_call"]):  # OpenAI's older name, for one call
            self.calls.take([{"index": 0, "function": call}])
        if "images" in delta or isinstance(content, list):
            self.pictures += pictures(delta)

    def _said(self, thought: str, text: str) -> None:
        if thought:
            self.reasoning.write(thought)
            self._sink.reasoning(thought)
        if text:
            self.text.write(text)
            self._sink.text(text)
        if self._tags is not None and self._tags.over:
            self._tags = None


async def receive(response: Response, reader: ChunkReader, flow: Flow) -> None:
    """Passes the body of a response to a reader: a stream of events, or one object. Raises `UpstreamError`."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    splitter, whole = EventSplitter(), bytearray()

    def read(data: bytes) -> None:
        flow.cork()
        try:
            for payload in splitter.feed(data):
                if payload == b"[DONE]":
                    response.stop()
                    return
                reader.chunk(payload)
        finally:
            flow.uncork(last=response.stopped)

    def collect(data: bytes) -> None:
        whole.extend(data)
        if len(whole) > MAX_WHOLE_RESPONSE_BYTES:
            raise UpstreamError("too_large", f"a body of more than {MAX_WHOLE_RESPONSE_BYTES} bytes")

    def look(data: bytes) -> None:
        if first := data.lstrip()[:1]:  # some servers send a stream under these types
            if first == b"<":
                raise UpstreamError("not_openai", "a page of HTML")
            read_rest = collect if first == b"{" else read
            response.switch(read_rest)
            read_rest(data)

    response.start(look if kind in ("application/json", "text/html") else read)
    try:
        await response.ended
    except UpstreamError:
        if reader.finish_reason is None:
            raise  # otherwise everything important has arrived
    if whole:
        reader.chunk(bytes(whole))
    for payload in splitter.end():
        if payload != b"[DONE]":
            reader.chunk(payload)
    if not (reader.is_whole if whole else reader.began):
        raise UpstreamError("not_openai", "no answer at all")
    if reader.finish_reason is None and not (response.stopped or reader.is_whole):
        raise UpstreamError("broke_off", "the body ended without a finish reason and without [DONE]")


def _parsed(payload: bytes) -> dict[str, Any] | None:
    """The chunk in an event, or None if the event only keeps the connection open."""
    try:
        chunk = from_json(payload, cache_strings="keys")  # cached ids and texts would fragment the memory
    except ValueError:
        try:  # half a surrogate pair: the strict parser refuses it; `answer.py` repairs it
            chunk = json.loads(payload)
        except (ValueError, RecursionError):
            if is_heartbeat(payload):
                return None
            raise UpstreamError("not_openai", "an event that is not JSON") from None
    if not isinstance(chunk, dict):
        if is_heartbeat(payload):
            return None
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
