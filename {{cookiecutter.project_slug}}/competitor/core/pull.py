# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""A completion that is looked at piece by piece: what the socket pushes waits here for its reader."""

import asyncio
from collections import deque

from .events import FinishReason, Reasoning, Source, Text
from .usage import Usage

_MOST_CHARACTERS = 64 * 1024


class PullSink:
    """The sink of an iteration. It pauses the source when its reader falls behind."""

    def __init__(self) -> None:
        self._events: deque[Text | Reasoning] = deque()
        self._size = 0
        self._source: Source | None = None
        self._ready: asyncio.Future[None] | None = None

    def text(self, text: str) -> None:
        self._put(Text(text))

    def reasoning(self, text: str) -> None:
        self._put(Reasoning(text))

    def call(self, id: str, name: str) -> int | None:
        return None  # the backend passes a client's call on itself

    def arguments(self, number: int, piece: str) -> None:
        pass

    def usage(self, usage: Usage) -> None:
        pass

    def finish(self, reason: FinishReason) -> None:
        pass

    def doing(self, what: str) -> None:
        pass

    def cork(self) -> None:
        pass

    def uncork(self, *, last: bool = False) -> None:
        pass

    def set_source(self, source: Source | None) -> None:
        self._source = source

    def wake(self, _: object = None) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    async def next(self, pouring: asyncio.Future[None]) -> Text | Reasoning | None:
        """The next event; None when all were taken and `pouring` is done."""
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

    def _put(self, event: Text | Reasoning) -> None:
        self._events.append(event)
        self._size += len(event.text)
        if self._size > _MOST_CHARACTERS and self._source is not None:
            self._source.pause()
        self.wake()
