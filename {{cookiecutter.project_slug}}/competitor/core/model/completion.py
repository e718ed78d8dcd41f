"""One call of a model: on any OpenAI-compatible server, or the offline model, which uses the same format.
Contract file: replaced by updates.

A `Completion` is one call. A backend either yields it, and the core passes every piece to the client, or iterates
over it and gets every piece itself. In both cases, `text`, `reasoning`, `tool_calls`, `client_calls`,
`finish_reason` and `usage` hold the result afterwards.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast

from pydantic import SecretStr

from ..errors import UpstreamError
from ..events import FinishReason, Reasoning, Sink, Source, Text, ToolCall
from ..limits import MAX_WHOLE_RESPONSE_BYTES
from ..observe.observer import ModelCall, Observer
from ..offline import OfflineServer
from ..outbound.client import HttpClient
from ..outbound.response import Response
from ..settings import Settings
from ..usage import Usage, prompt_tokens, text_tokens
from .chunk_reader import ChunkReader
from .held_text import HeldText
from .iteration import Piece, PullSink
from .prompt import Body
from .retry import failure, pause_before_retry
from .sse import EventSplitter
from .upstream import OFFLINE_MODEL, Upstream, choose, limited

log = logging.getLogger("competitor.llm")

_HEADERS = {"content-type": "application/json", "accept": "text/event-stream", "accept-encoding": "identity"}


class Llm:
    """Makes the model calls; there is one for the whole process."""

    def __init__(self, settings: Settings, client: HttpClient, offline: OfflineServer):
        self.settings, self.client, self._offline = settings, client, offline

    async def upstream(self, token: SecretStr | None) -> Upstream:
        """The server for one request: the configured one, or the offline model, which is started when first needed."""
        chosen = choose(self.settings, token)
        if chosen is None:
            base_url = await self._offline.start()
            self.client.egress.allow(base_url)
            chosen = Upstream(base_url, OFFLINE_MODEL, None)
        return chosen


class Completion(Source):
    """One call of the model.

    `account` gets the usage of the call, even if the call failed; `observer` is told how the call ended. `pour` and
    iteration raise `UpstreamError`; the attributes keep what had arrived before the error.
    """

    def __init__(
        self,
        llm: Llm,
        body: Body,
        token: SecretStr | None,
        account: Callable[[Usage], None],
        observer: Observer,
        hold: Callable[[Sink], HeldText] | None = None,
    ):
        self.body = body
        self._hold = hold
        self._held: HeldText | None = None
        self._llm, self._token, self._account, self._observer = llm, token, account, observer
        self._model = ""
        self._retried: list[str] = []
        self.usage: Usage | None = None
        self._reader: ChunkReader | None = None
        self._response: Response | None = None
        self._free = False  # the offline model costs nothing

    @property
    def model(self) -> str:
        """The name of the model that this call uses."""
        name: str = self._model or self.body["model"]
        return name

    @property
    def text(self) -> str:
        return self._reader.text.getvalue() if self._reader else ""

    @property
    def shown_text(self) -> str:
        """The part of `text` that went to the client as text, without held words that became reasoning."""
        return self.text[self._held.reasoned :] if self._held else self.text

    @property
    def reasoning(self) -> str:
        return self._reader.reasoning.getvalue() if self._reader else ""

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls of the backend's own tools."""
        return [call.whole() for call in self._reader.calls if call.number is None] if self._reader else []

    @property
    def client_calls(self) -> list[ToolCall]:
        """The calls of the client's tools, which were sent to the client."""
        return [call.whole() for call in self._reader.calls if call.number is not None] if self._reader else []

    @property
    def message(self) -> dict[str, object]:
        """The model's answer as an assistant message, for the next call of the same conversation."""
        said: dict[str, object] = {"role": "assistant", "content": self.text}
        if self._reader and self._reader.calls:
            said["tool_calls"] = [call.whole().as_json() for call in self._reader.calls]
        return said

    @property
    def finish_reason(self) -> FinishReason | None:
        """The model's finish reason; None if the call did not complete."""
        return self._reader.finish_reason if self._reader else None

    async def pour(self, sink: Sink) -> None:
        """Makes the call and passes everything to `sink` from the socket's callback, without a task per chunk."""
        if self._hold is not None:
            sink = self._held = self._hold(sink)
        reader = self._reader = ChunkReader(sink)
        sink.doing("Waiting for the model")
        sink.flow.set_source(self)
        began, failed = time.monotonic(), "cancelled"
        try:
            response = self._response = await self._open(sink)
            await self._receive(response, reader, sink)
            reader.ended()
            failed = ""
        except UpstreamError as error:
            failed = error.kind
            raise
        finally:
            if self._held is not None:
                self._held.release()
            sink.flow.set_source(None)
            if self._response is not None:
                self._response.close(finished=not failed)
                self._response = None
            if reader.began:
                self.usage = self._cost(reader)
                self._account(self.usage)
            seconds = time.monotonic() - began
            self._observer.called(ModelCall(self._model, seconds, self.usage, failed or None, tuple(self._retried)))
        sink.finish(reader.finish_reason or "stop")

    def __aiter__(self) -> AsyncIterator[Text | Reasoning]:
        """Iterates over text and reasoning, piece by piece."""
        return cast(AsyncIterator[Text | Reasoning], self._pulled(PullSink()))

    def pieces(self) -> AsyncGenerator[Piece]:
        """Iterates over text, reasoning and tool calls. Afterwards, all tool calls are in `client_calls`."""
        return self._pulled(PullSink(calls=True))

    async def _pulled(self, queue: PullSink) -> AsyncGenerator[Piece]:
        pouring = asyncio.ensure_future(self.pour(queue))
        pouring.add_done_callback(queue.wake)
        try:
            while (event := await queue.next(pouring)) is not None:
                yield event
            pouring.result()
        finally:
            if pouring.cancel():
                await asyncio.wait({pouring})
            elif not pouring.cancelled():
                pouring.exception()  # retrieved, so that asyncio does not report it as lost

    def pause(self) -> None:
        if self._response is not None:
            self._response.pause()

    def resume(self) -> None:
        if self._response is not None:
            self._response.resume()

    async def _receive(self, response: Response, reader: ChunkReader, sink: Sink) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":  # the server does not stream, or reports an error with status 200
            reader.whole(await response.read(MAX_WHOLE_RESPONSE_BYTES))
            return
        if kind == "text/html":
            raise UpstreamError("not_openai", "a page of HTML")
        splitter, flow = EventSplitter(), sink.flow

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

        response.start(read)
        try:
            await response.ended
        except UpstreamError:
            if reader.finish_reason is None:
                raise  # otherwise everything important has arrived
        for payload in splitter.end():
            if payload != b"[DONE]":
                reader.chunk(payload)
        if not reader.began:
            raise UpstreamError("not_openai", "no event at all")
        if reader.finish_reason is None and not response.stopped:
            raise UpstreamError("broke_off", "the body ended without a finish reason and without [DONE]")

    async def _open(self, sink: Sink) -> Response:
        """Sends the call, with retries, and returns the response with status 200. Later failures are not retried."""
        settings = self._llm.settings
        upstream = await self._llm.upstream(self._token)
        self._free = upstream.model == OFFLINE_MODEL
        self._model = upstream.model or self.body["model"]
        url = f"{upstream.base_url}/chat/completions"
        headers = dict(_HEADERS)
        if upstream.key:
            headers["authorization"] = f"Bearer {upstream.key.get_secret_value()}"
        body = json.dumps(limited({**self.body, "model": self._model}, upstream.base_url, settings)).encode()
        attempt = 1
        while True:
            try:
                response = await self._llm.client.open("POST", url, headers, body)
                if response.status == 200:
                    return response
                raise await failure(response)
            except UpstreamError as error:
                pause = pause_before_retry(error, attempt)
                if pause is None or attempt >= settings.llm_attempts:
                    raise
                why: dict[str, Any] = {"kind": error.kind, "status": error.status or None, "attempt": attempt}
                log.warning("the model's server failed; trying again", extra={**why, "pause_s": round(pause, 2)})
                self._retried.append(error.kind)
                sink.doing("The model's server is busy; trying again")
                attempt += 1
                await asyncio.sleep(pause)

    def _cost(self, reader: ChunkReader) -> Usage:
        said = len((reader.text.getvalue() + reader.reasoning.getvalue()).encode("utf-8", "replace"))
        said += sum(len(call.arguments) for call in reader.calls)
        counted = reader.usage or Usage(prompt_tokens(self.body))
        if said and not counted.completion_tokens:
            counted += Usage(0, text_tokens(said))
        settings = self._llm.settings
        return counted if self._free else counted.priced(settings.price_prompt, settings.price_completion)
