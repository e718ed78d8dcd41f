"""The two forms of an answer: a stream of chunks (section 4), and one JSON object (section 3)."""
# Contract file: replaced by updates.

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from ..events import FinishReason, Flow
from ..limits import MAX_LINK_CHARACTERS, MAX_PACED_LINK_CHARACTERS
from ..stream.chunks import DONE, Envelope
from ..stream.pacing import Pacer, Pacing
from ..stream.writer import BodyWriter


def _ignored(characters: int) -> None:
    """Text that waits matters only to pacing."""


class StreamForm:
    """Writes each piece as a chunk at once, except text that pacing delays. The order of the pieces never changes."""

    def __init__(self, envelope: Envelope, writer: BodyWriter, pacing: Pacing | None = None):
        self.envelope, self.writer = envelope, writer

        def delta(text: str) -> None:  # a method would make a reference cycle
            writer.write(envelope.text(text))

        self.pacer = Pacer(pacing, delta, writer.uncork, pacing.timers) if pacing else None
        self.text = self.pacer.text if self.pacer else delta
        self.waits = self.pacer.waits if self.pacer else _ignored
        self._numbers = itertools.count()
        self.flow = writer
        writer.write(envelope.delta({"role": "assistant"}))  # S1

    def _at_once(self, chunk: bytes) -> None:
        if self.pacer is not None:
            self.pacer.flush()
        self.writer.write(chunk)

    def reasoning(self, text: str) -> None:
        self._at_once(self.envelope.reasoning(text))

    progress = reasoning

    def call(self, number: int, id: str, name: str, fields: Mapping[str, Any]) -> None:
        # Only the first fragment has id, type and name (S9).
        head = {"index": number, "id": id, "type": "function", "function": {"name": name, "arguments": ""}, **fields}
        self._at_once(self.envelope.delta({"tool_calls": [head]}))

    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None:
        # Some clients, such as OpenAI's SDK, fail at a fragment without `function`.
        piece = {"index": number, "function": {"arguments": ""}, **fields}
        self._at_once(self.envelope.delta({"tool_calls": [piece]}))

    def arguments(self, number: int, piece: str) -> None:
        self._at_once(self.envelope.delta({"tool_calls": [{"index": number, "function": {"arguments": piece}}]}))

    def janus(self, event: str, payload: dict[str, Any], words: str) -> None:
        numbered = _numbered(payload, self._numbers)
        self._at_once(self.envelope.delta({"reasoning_content": words, "janus": {"event": event, "payload": numbered}}))

    def artifact(self, descriptor: dict[str, Any]) -> None:
        """Sends the event in its own chunk (S18)."""
        payload = _numbered({"items": [descriptor]}, self._numbers)
        self._at_once(self.envelope.delta({"janus": {"event": "artifacts", "payload": payload}}))

    def link(self, text: str) -> None:
        """Sends an artifact's link: like other text, or at once if it is a long `data:` URL, which is not split up."""
        if len(text) <= MAX_PACED_LINK_CHARACTERS:
            self.text(text)
            return
        for start in range(0, len(text), MAX_LINK_CHARACTERS):
            self._at_once(self.envelope.text(text[start : start + MAX_LINK_CHARACTERS]))

    def drop(self) -> None:
        """Discards the text that pacing holds, because the client has disconnected."""
        if self.pacer is not None:
            self.pacer.drop()

    async def end(self, reason: FinishReason, usage: dict[str, Any], usage_in_own_chunk: bool) -> None:
        """Sends the text that pacing holds, one finish chunk, one usage and `[DONE]`, and nothing after it (S7, S8)."""
        if self.pacer is not None:
            await self.pacer.end()
        if usage_in_own_chunk:
            last = self.envelope.finish(reason, None) + self.envelope.usage(usage)
        else:
            last = self.envelope.finish(reason, usage)
        await self.writer.end(last + DONE)


def _numbered(value: Any, numbers: Iterator[int]) -> Any:
    """A copy in which each object in a list has an `index`, without which the OpenAI SDK refuses a second one (S18)."""
    if isinstance(value, dict):
        return {name: _numbered(item, numbers) for name, item in value.items()}
    if not isinstance(value, list | tuple):
        return value
    items = [_numbered(item, numbers) for item in value]
    return [{**item, "index": next(numbers)} if isinstance(item, dict) else item for item in items]


class WholeForm:
    """Collects all pieces; `as_json` returns the response. Progress notes are left out."""

    def __init__(self) -> None:
        self.flow, self.waits = Flow(), _ignored
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[dict[str, Any]] = []
        self._artifacts: list[dict[str, Any]] = []

    def text(self, text: str) -> None:
        self._text.append(text)

    def reasoning(self, text: str) -> None:
        self._reasoning.append(text)

    def progress(self, text: str) -> None:
        pass

    def call(self, number: int, id: str, name: str, fields: Mapping[str, Any]) -> None:
        function = {"name": name, "arguments": ""}
        self._calls.append({"id": id, "type": "function", "function": function, **fields})

    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None:
        self._calls[number] |= fields

    def arguments(self, number: int, piece: str) -> None:
        self._calls[number]["function"]["arguments"] += piece

    def janus(self, event: str, payload: dict[str, Any], words: str) -> None:
        self._reasoning.append(words)

    def artifact(self, descriptor: dict[str, Any]) -> None:
        self._artifacts.append(descriptor)

    link = text

    def as_json(self, id: str, model: str, created: int, reason: FinishReason, usage: dict[str, Any]) -> dict[str, Any]:
        """The response object (W1 to W3). `tool_calls` is left out when empty; the other fields are always there."""
        message: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(self._text),
            "reasoning_content": "".join(self._reasoning),
            "artifacts": self._artifacts,
        }
        if self._calls:
            message["tool_calls"] = self._calls
        choice = {"index": 0, "message": message, "finish_reason": reason}
        head = {"id": id, "object": "chat.completion", "created": created, "model": model}
        return {**head, "choices": [choice], "usage": usage}
