"""From the agent's work, which LangGraph runs in tasks of its own, to the answer, which takes one event at a time."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from ..core.errors import UpstreamError
from ..core.events import Event, Sink, Source
from ..core.model.completion import Completion


class Outbox:
    """`report` and `relay` are for the agent; `events` runs it and has what it does."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Event | None] = asyncio.Queue()

    def report(self, event: Event) -> None:
        self._waiting.put_nowait(event)

    async def relay(self, completion: Completion) -> None:
        """Hands a call of the model to the core, which passes its pieces on by itself; returns when it is over.

        Raises `UpstreamError`, so that the agent may try something else.
        """
        handed = _Handed(completion)
        self.report(handed)
        await handed.over

    async def events(self, work: Coroutine[Any, Any, Any]) -> AsyncIterator[Event]:
        """What is reported until `work` ends. Raises what it raises, and cancels it when nobody listens any more."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda _: self._waiting.put_nowait(None))
        try:
            while (event := await self._waiting.get()) is not None:
                yield event
            task.result()
        finally:
            if task.cancel():
                await asyncio.wait({task})


class _Handed(Source):
    """A completion as an event, whose failure goes to the agent instead of ending the answer."""

    def __init__(self, completion: Completion):
        self._completion = completion
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def pour(self, sink: Sink) -> None:
        try:
            await self._completion.pour(sink)
        except UpstreamError as error:
            self._end(error)
        else:
            self._end(None)

    def pause(self) -> None:
        self._completion.pause()

    def resume(self) -> None:
        self._completion.resume()

    def _end(self, error: UpstreamError | None) -> None:
        if self.over.done():
            return
        if error is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(error)
