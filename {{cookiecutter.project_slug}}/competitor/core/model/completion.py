"""One call of a model: on any OpenAI-compatible server, or the offline model, which uses the same format.
Contract file: replaced by updates.

A `Completion` is one call. A backend either yields it, and the core passes every piece to the client, or iterates
over it and gets every piece itself. In both cases, `text`, `reasoning`, `tool_calls`, `client_calls`,
`finish_reason` and `usage` hold the result afterwards.
"""

import asyncio
import base64
import json
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, cast

from pydantic import SecretStr
from pydantic_core import PydanticSerializationError, to_json

from ..artifacts.descriptor import Artifact
from ..errors import ArtifactError, UpstreamError
from ..events import FinishReason, Reasoning, Sink, Source, Text, ToolCall
from ..limits import MAX_LEARNT_PER_CALL, MAX_MODEL_LIST_BYTES
from ..observe.observer import ModelCall, Observer
from ..offline import OfflineServer
from ..outbound.client import HttpClient
from ..outbound.response import Response
from ..request.schema import ChatRequest
from ..settings import Settings
from ..usage import Usage, prompt_tokens, text_tokens
from .calls import PartialCall
from .chunk_reader import ChunkReader, receive
from .held_text import HeldText
from .iteration import Piece, PullSink
from .prompt import Body
from .refusals import Change, Refusals, change_for, changed
from .retry import failure, pause_before_retry
from .upstream import OFFLINE_MODEL, Upstream, authorization, choose, limited

log = logging.getLogger("competitor.llm")

_HEADERS = {"content-type": "application/json", "accept": "text/event-stream", "accept-encoding": "identity"}
_LIST_SECONDS = 5.0
_WEB_ADDRESS = re.compile(r"https?://[^\s()<>]+")
_NO_PICTURE = "\n\nThe model sent an image that cannot be read."


class Llm:
    """Makes the model calls; there is one for the whole process."""

    def __init__(self, settings: Settings, client: HttpClient, offline: OfflineServer):
        self.settings, self.client, self._offline = settings, client, offline
        self.refusals = Refusals()

    async def upstream(self, token: SecretStr | None) -> Upstream:
        """The server for one request: the configured one, or the offline model, which is started when first needed."""
        chosen = choose(self.settings, token)
        if chosen is None:
            base_url = await self._offline.start()
            self.client.egress.allow(base_url)
            chosen = Upstream(base_url, OFFLINE_MODEL, None)
        return chosen

    async def models(self) -> list[str]:
        """The names of models that a request may have (E3); without a default model, those that the server lists."""
        upstream = choose(self.settings, None)
        if upstream is None or upstream.model is not None:
            return [upstream.model if upstream and upstream.model else OFFLINE_MODEL]
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                response = await self.client.open("GET", f"{upstream.base_url}/models", authorization(upstream))
                try:
                    listed = json.loads(await response.read(MAX_MODEL_LIST_BYTES))
                finally:
                    response.close()
            return [model["id"] for model in listed["data"] if isinstance(model["id"], str)]
        except (UpstreamError, TimeoutError, ValueError, LookupError, TypeError) as error:
            log.warning("the model's server does not list its models", extra={"why": type(error).__name__})
            return []


class Completion(Source):
    """One call of the model.

    `account` gets the usage of the call, even if the call failed; `observer` is told how the call ended. `pour` and
    iteration raise `UpstreamError`; the attributes keep what had arrived before the error.
    """

    def __init__(
        self,
        llm: Llm,
        body: Body,
        request: ChatRequest,
        save: Callable[..., Awaitable[Artifact]],
        account: Callable[[Usage], None],
        observer: Observer,
        hold: Callable[[Sink], HeldText] | None = None,
        model: str | None = None,
    ):
        self.body = body
        self._named_model = model  # by the backend
        self._request, self._save = request, save
        self._hold = hold
        self._held: HeldText | None = None
        self._llm, self._account, self._observer = llm, account, observer
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
        return [call.whole() for call in self._calls if call.number is None]

    @property
    def client_calls(self) -> list[ToolCall]:
        """The calls of the client's tools, which were sent to the client."""
        return [call.whole() for call in self._calls if call.number is not None]

    @property
    def message(self) -> dict[str, object]:
        """The model's answer as an assistant message, for the next call of the same conversation.

        With tool calls, it has the reasoning as well: some servers refuse the next call without it.
        """
        said: dict[str, object] = {"role": "assistant", "content": self.text}
        if self._calls:
            said["tool_calls"] = [call.whole().as_json() for call in self._calls]
            if self._reader and self._reader.reasoning_name:
                said[self._reader.reasoning_name] = self.reasoning
        return said

    @property
    def _calls(self) -> list[PartialCall]:
        return self._reader.calls.found if self._reader else []

    @property
    def finish_reason(self) -> FinishReason | None:
        """The model's finish reason; None if the call did not complete."""
        return self._reader.finish_reason if self._reader else None

    async def pour(self, sink: Sink) -> None:
        """Makes the call and passes everything to `sink` from the socket's callback, without a task per chunk."""
        sink.doing("Waiting for the model")
        sink.flow.set_source(self)
        began, failed = time.monotonic(), "cancelled"
        try:
            reader = await self._attempts(sink)
            failed = ""
        except UpstreamError as error:
            failed = error.kind
            raise
        finally:
            if self._held is not None:
                self._held.release()
            sink.flow.set_source(None)
            if self._reader is not None and self._reader.began:
                self._add_usage(self._cost(self._reader))
            seconds = time.monotonic() - began
            self._observer.called(ModelCall(self._model, seconds, self.usage, failed or None, tuple(self._retried)))
        if reader.pictures:
            await self._save_pictures(reader.pictures, sink)
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

    async def _attempts(self, sink: Sink) -> ChunkReader:
        """Makes the call, and again if it failed before anything of an answer was passed on."""
        settings, refusals = self._llm.settings, self._llm.refusals
        upstream = await self._llm.upstream(self._request.chutes_access_token)
        self._free = upstream.model == OFFLINE_MODEL
        default = upstream.model if self._free else self._named_model or upstream.model
        self._model = default or self.body["model"]
        given = limited({**self.body, "model": self._model}, upstream.base_url, settings)
        changes = refusals.changes(upstream.base_url, settings.llm_reasoning_back)
        learnt: list[Change] = []
        attempt = 1
        while True:
            body = changed(given, changes + learnt, self._request) if changes or learnt else given
            held = self._held = self._hold(sink) if self._hold is not None else None
            reader = self._reader = ChunkReader(held or sink)
            try:
                await self._attempt(upstream, body, reader, sink)
            except UpstreamError as error:
                if (held or reader).has_told:
                    raise
                why: dict[str, Any] = {"kind": error.kind, "status": error.status or None, "attempt": attempt}
                change = change_for(error, body, self._request, settings.llm_reasoning_back)
                if change is not None and change not in learnt and len(learnt) < MAX_LEARNT_PER_CALL:
                    learnt.append(change)
                    why |= {"change": change, "detail": error.detail[:300]}
                    log.warning("the model's server refused a field; trying again with a change", extra=why)
                    continue
                pause = pause_before_retry(error, attempt)
                if pause is None or attempt >= settings.llm_attempts:
                    raise
                log.warning("the model's server failed; trying again", extra={**why, "pause_s": round(pause, 2)})
                self._retried.append(error.kind)
            else:
                if learnt:
                    refusals.learn(upstream.base_url, learnt)
                return reader
            sink.doing("The model's server is busy; trying again")
            attempt += 1
            if reader.usage is not None:
                self._add_usage(self._cost(reader))
            reader.began = False  # so that nothing is counted twice
            await asyncio.sleep(pause)

    async def _attempt(self, upstream: Upstream, body: Body, reader: ChunkReader, sink: Sink) -> None:
        """Sends the call once, and reads the answer."""
        headers = _HEADERS | authorization(upstream)
        url, finished = f"{upstream.base_url}/chat/completions", False
        response = self._response = await self._llm.client.open("POST", url, headers, _encoded(body))
        try:
            if not 200 <= response.status < 300:
                raise await failure(response)
            await receive(response, reader, sink.flow)
            reader.ended()
            finished = True
        finally:
            self._response = None
            response.close(finished=finished)

    async def _save_pictures(self, pictures: list[str], sink: Sink) -> None:
        """Saves the images of the answer as artifacts, which the core sends at its end."""
        for number, url in enumerate(pictures, 1):
            head, base64_follows, data = url.partition(";base64,")
            kind = head.removeprefix("data:")
            if not base64_follows:
                sink.text(f"\n\n![image {number}]({url})\n\n" if _WEB_ADDRESS.fullmatch(url) else _NO_PICTURE)
                continue
            try:
                image = await asyncio.to_thread(base64.b64decode, data, validate=True)
                await self._save(image, f"image-{number}.{kind.rpartition('/')[2]}", mime_type=kind)
            except ValueError:
                sink.text(_NO_PICTURE)
            except ArtifactError as error:
                sink.text(f"\n\n{error}")

    def _add_usage(self, usage: Usage) -> None:
        self.usage = usage if self.usage is None else self.usage + usage
        self._account(usage)

    def _cost(self, reader: ChunkReader) -> Usage:
        said = len((reader.text.getvalue() + reader.reasoning.getvalue()).encode("utf-8", "replace"))
        said += sum(len(call.arguments) for call in reader.calls.found)
        counted = reader.usage or Usage(prompt_tokens(self.body))
        if said and not counted.completion_tokens:
            counted += Usage(0, text_tokens(said))
        settings = self._llm.settings
        return counted if self._free else counted.priced(settings.price_prompt, settings.price_completion)


def _encoded(body: Body) -> bytes:
    try:
        return to_json(body)  # a sixth of the time
    except PydanticSerializationError:  # half a surrogate pair, which JSON can only hold escaped
        return json.dumps(body).encode()
