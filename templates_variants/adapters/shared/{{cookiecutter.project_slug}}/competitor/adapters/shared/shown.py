"""A model call as an event: the core streams it to the client while the agent waits for its end."""
# Contract file: replaced by updates.

import asyncio

from ...api import Chat, Completion, Sink, Source, UpstreamError


class Shown(Source):
    """A model call as an event. If it fails, the agent gets the error, and the answer goes on."""

    def __init__(self, completion: Completion, chat: Chat):
        self._completion, self._chat = completion, chat
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def pour(self, sink: Sink) -> None:
        try:
            await self._completion.pour(sink)
        except UpstreamError as error:
            self._chat.log.warning("the agent gets the failure of a model", extra={"kind": error.kind})
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
