"""Iteration over a completion: pieces from the socket wait in a queue until the backend reads them."""
# Contract file: replaced by updates.

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from ..events import NO_FIELDS, FinishReason, Flow, Reasoning, Source, Text, ToolCallPiece
from ..limits import MAX_WAITING_CHARACTERS
from ..usage import Usage

Piece = Text | Reasoning | ToolCallPiece


class PullSink(Flow):
    """A sink that is a queue. It pauses the source when the reader falls behind.

    If `calls` is false, the queue leaves out tool calls. At the end, the completion's attributes contain them.
    """

    def __init__(self, *, calls: bool = False) -> None:
        self._events: deque[Piece] = deque()
        self._size = 0
        self._calls = 0 if calls else None
        self._source: Source | None = None
        self._ready: asyncio.Future[None] | None = None

    def text(self, text: str) -> None:
        self._put(Text(text))

    def reasoning(self, text: str) -> None:
        self._put(Reasoning(text))

    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None:
        if self._calls is None:
            return None  # the backend itself passes calls on to the client
        self._calls += 1
        self._put(ToolCallPiece(self._calls - 1, "", id, name, fields))
        return self._calls - 1

    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None:
        self._put(ToolCallPiece(number, "", fields=fields))

    def arguments(self, number: int, piece: str) -> None:
        self._put(ToolCallPiece(number, piece))

    def usage(self, usage: Usage) -> None:
        pass

    def finish(self, reason: FinishReason) -> None:
        pass

    def waits(self, characters: int) -> None:
        pass

    def doing(self, what: str) -> None:
        pass

    def set_source(self, source: Source | None) -> None:
        self._source = source

    @property
    def flow(self) -> Flow:
        return self

    def wake(self, _: object = None) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    async def next(self, pouring: asyncio.Future[None]) -> Piece | None:
        """Waits for the next event and returns it; None if `pouring` is done and no event is left."""
        while not self._events:
            if pouring.done():
                return None
            self._ready = asyncio.get_running_loop().create_future()
            await self._ready
        event = self._events.popleft()
        self._size -= len(event.text)
        if not self._events and self._source is not None:
            self._source.resume()
        return event

    def _put(self, event: Piece) -> None:
        self._events.append(event)
        self._size += len(event.text)
        if self._size > MAX_WAITING_CHARACTERS and self._source is not None:
            self._source.pause()
        self.wake()
