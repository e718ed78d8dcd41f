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
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

from pydantic_core import PydanticSerializationError, to_json

from ..errors import ArtifactError, UpstreamError
from ..events import FinishReason, Nobody, Reasoning, Sink, Source, Text, ToolCall
from ..limits import MAX_FIXED_CALLS, MAX_LEARNT_PER_CALL
from ..observe.observer import ModelCall, Observer
from ..outbound.response import Response
from ..request.schema import ChatRequest
from ..request.tool_arguments import fixed
from ..usage import Usage, prompt_tokens, text_tokens
from .calls import PartialCall
from .chunk_reader import ChunkReader, receive
from .held import ClientCalls, HeldText
from .iteration import Piece, PullSink
from .prompt import Body
from .refusals import Change, change_for, changed
from .retry import Attempts, failure
from .upstream import OFFLINE_MODEL, Llm, Upstream, authorization, limited

log = logging.getLogger("competitor.llm")

_HEADERS = {"content-type": "application/json", "accept": "text/event-stream", "accept-encoding": "identity"}
_WEB_ADDRESS = re.compile(r"https?://[^\s()<>]+")
_NO_PICTURE = "\n\nThe model sent an image that cannot be read."


class Completion(Source):
    """One call of the model, or of the first model of a list that answers.

    `account` gets the usage of the call, even if the call failed; `observer` is told how the call ended. `pour` and
    iteration raise `UpstreamError`; the attributes keep what had arrived before the error. Before that, they raise
    `RuntimeError`. `names` are the models that the backend has named for this call, the first choice first.
    """

    def __init__(
        self,
        llm: Llm,
        body: Body,
        request: ChatRequest,
        save_image: Callable[[bytes, str], Awaitable[object]],
        account: Callable[[Usage], None],
        observer: Observer,
        hold: Callable[[Sink], HeldText] | None = None,
        names: Sequence[str] = (),
        request_id: str = "",
        fixes: bool = True,
    ):
        self.body, self._id, self._fixes = body, request_id, fixes
        self._names = names
        self._request, self._save_image = request, save_image
        self._hold = hold
        self._held: HeldText | None = None
        self._client_calls: ClientCalls | None = None
        self._llm, self._account, self._observer = llm, account, observer
        self._model = ""
        self._upstream: Upstream | None = None  # the last one that was asked
        self._failed: list[str] = []  # models that did not answer, now or a moment ago
        self._retried: list[str] = []
        self.usage: Usage | None = None
        self._reader: ChunkReader | None = None
        self._response: Response | None = None

    @property
    def model(self) -> str:
        """The name of the model that this call uses."""
        name: str = self._model or self.body["model"]
        return name

    @property
    def text(self) -> str:
        return self._result.text.getvalue()

    @property
    def shown_text(self) -> str:
        """The part of `text` that went to the client as text, without held words that became reasoning."""
        return self.text[self._held.reasoned :] if self._held else self.text

    @property
    def reasoning(self) -> str:
        return self._result.reasoning.getvalue()

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
            if self._result.reasoning_name:
                said[self._result.reasoning_name] = self.reasoning
        return said

    @property
    def _calls(self) -> list[PartialCall]:
        return self._result.calls.found

    @property
    def _result(self) -> ChunkReader:
        if self._reader is None:
            raise RuntimeError(
                "this completion has no result: the model was not asked yet. Yield the completion, or iterate over it, "
                "and read its attributes then; or use `await chat.ask(...)`, which returns the text"
            )
        return self._reader

    @property
    def finish_reason(self) -> FinishReason | None:
        """The model's finish reason; None if the call did not complete."""
        return self._result.finish_reason

    async def pour(self, sink: Sink) -> None:
        """Makes the call and passes everything to `sink` from the socket's callback, without a task per chunk."""
        sink.doing("Waiting for the model")
        sink.flow.set_source(self)
        began, failed = time.monotonic(), "cancelled"
        try:
            reader = await self._attempts(sink)
            failed = ""
            if self._client_calls is not None and self._client_calls.held:
                await self._fix(self._client_calls, reader)
        except UpstreamError as error:
            failed = error.kind
            if self._held is not None:
                self._held.release()
            error.said = self.shown_text if self._reader is not None else ""
            error.model = (self._upstream.name if self._upstream is not None else "") or self._model
            raise
        finally:
            if self._held is not None:
                self._held.release()
            if self._client_calls is not None:
                self._client_calls.release()
            sink.flow.set_source(None)
            if self._reader is not None and self._reader.began:
                self._add_usage(self._cost(self._reader))
            seconds = time.monotonic() - began
            if self._upstream is not None and self._upstream.name in self._failed:
                self._failed.remove(self._upstream.name)  # it was asked again, and has answered
            self._observer.called(
                ModelCall(
                    self._model,
                    seconds,
                    self.usage,
                    failed or None,
                    tuple(self._retried),
                    tuple(self._failed),
                    self.body,
                )
            )
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
        """Asks the servers of this call in turn, and again those that may recover, until one has answered.

        Once a piece of an answer was passed on, no other attempt is made.
        """
        settings, refusals = self._llm.settings, self._llm.refusals
        servers = await self._llm.upstreams(self._names, self.body, self._request.chutes_access_token)
        attempts = Attempts(servers, settings.llm_attempts)
        if attempts.may_skip:
            self._failed = self._skipped(servers)
        learnt: list[Change] = []
        while True:
            upstream = self._upstream = attempts.upstream
            self._model = upstream.model or self.body["model"]
            body = limited({**self.body, "model": self._model}, upstream.base_url, settings)
            if upstream.declared is not None and upstream.declared.reasons is False:
                body.pop("reasoning_effort", None)  # a model that does not reason refuses it
            if changes := refusals.changes(upstream.base_url, settings.llm_reasoning_back) + learnt:
                body = changed(body, changes, self._request)
            calls = self._client_calls = self._call_sink(sink) if self._request.tools else None
            held = self._held = self._hold(calls or sink) if self._hold is not None else None
            reader = self._reader = ChunkReader(held or calls or sink)
            try:
                await (self._soon if attempts.may_skip else self._attempt)(upstream, body, reader, sink)
            except UpstreamError as error:
                self._llm.note_failure(upstream, error)
                if (held or reader).has_told:
                    error.can_go_on = not self.client_calls
                    raise
                change = change_for(error, body, self._request, settings.llm_reasoning_back)
                if change is not None and change not in learnt and len(learnt) < MAX_LEARNT_PER_CALL:
                    learnt.append(change)
                    why = {**self._why(error, attempts), "change": change, "detail": error.detail[:300]}
                    log.warning("the model's server refused a field; trying again with a change", extra=why)
                    continue
                pause = self._next(attempts, error, reader, sink)
                if pause is None:
                    raise
            else:
                if learnt:
                    refusals.learn(upstream.base_url, learnt)
                return reader
            if attempts.upstream != upstream:
                learnt = []
            await asyncio.sleep(pause)

    def _skipped(self, servers: list[Upstream]) -> list[str]:
        """The models before the first that is asked: their servers could not be reached a moment ago."""
        first, known = servers[0].name, {upstream.name for upstream in servers}
        before = self._names[: self._names.index(first)] if first in self._names else ()
        return [name for name in before if name in known]

    def _next(self, attempts: Attempts, error: UpstreamError, reader: ChunkReader, sink: Sink) -> float | None:
        """Chooses the next server after a failure, and says so. Returns the seconds to wait; None if none is left."""
        failed, why = attempts.upstream, self._why(error, attempts)
        pause = attempts.pause_before_next(error)
        if pause is None:
            return None
        self._retried.append(error.kind)
        if reader.usage is not None or reader.has_said:
            self._add_usage(self._cost(reader))
        reader.began = False  # so that nothing is counted twice
        following = attempts.upstream
        if following == failed:
            log.warning("the model's server failed; trying again", extra={**why, "pause_s": round(pause, 2)})
            sink.doing("The model's server has failed; trying again")
            return pause
        if (following.name, following.model) != (failed.name, failed.model):
            self._failed += [] if failed.name in self._failed else [failed.name]
        told = {"model": (failed.name or failed.base_url)[:100], "next": (following.name or following.base_url)[:100]}
        log.warning("the model's server failed; asking the next one", extra={**why, **told})
        sink.doing("The model's server does not answer; asking another one")
        return pause

    async def _soon(self, upstream: Upstream, body: Body, reader: ChunkReader, sink: Sink) -> None:
        """Like `_attempt`, but fails if nothing of an answer arrives within `JANUS_LLM_FALLBACK_SECONDS`."""
        loop, seconds = asyncio.get_running_loop(), self._llm.settings.llm_fallback_seconds
        silent = UpstreamError("silent", f"no piece of an answer within {seconds:g} s")

        def give_up(limit: asyncio.Timeout) -> None:
            if reader.has_said:
                return
            if self._response is None:  # no connection, or no head of a response
                limit.reschedule(loop.time())
            else:
                self._response.fail(silent)

        try:
            async with asyncio.timeout(None) as limit:
                timer = loop.call_later(seconds, give_up, limit)
                try:
                    await self._attempt(upstream, body, reader, sink)
                finally:
                    timer.cancel()
        except TimeoutError:
            raise silent from None

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

    def _call_sink(self, sink: Sink) -> ClientCalls | None:
        """Holds the arguments of the client's tools, so that they can be fixed."""
        if not self._fixes or self._llm.settings.fix_calls == "off":
            return None
        offered = {tool.function.name: tool.function.parameters for tool in self._request.offered_tools}
        schemas = {name: schema for name, schema in offered.items() if schema}
        return ClientCalls(sink, schemas) if schemas else None

    async def _fix(self, calls: ClientCalls, reader: ChunkReader) -> None:
        """Passes on the arguments of the client's calls as they fit their schemas, as far as they can be fixed."""
        schemas = {tool.function.name: tool.function.parameters for tool in self._request.offered_tools}
        asked = 0
        for number, (name, arguments) in list(calls.held.items()):
            fitting, problem = fixed(schemas[name], arguments)
            call = next(call for call in reader.calls.found if call.number == number)
            if problem and self._llm.settings.fix_calls == "ask" and asked < MAX_FIXED_CALLS:
                asked += 1
                log.info("a call does not fit its schema; asking once more", extra={"tool": name, "why": problem[:300]})
                fitting = await self._asked_again(call.whole(), problem, schemas[name]) or fitting
            call.arguments = fitting
            calls.settle(number, fitting)

    async def _asked_again(self, call: ToolCall, problem: str, schema: Any) -> str:
        """Asks the model for one call again. Returns arguments that fit; an empty text if there are none."""
        told = f"Not run: {problem}. Call {call.name} again, with arguments that fit its schema."
        said = {"role": "assistant", "content": "", "tool_calls": [call.as_json()]}
        tools = [tool for tool in self.body.get("tools") or () if tool["function"]["name"] == call.name]
        body = {
            **self.body,
            "messages": [*self.body["messages"], said, {"role": "tool", "tool_call_id": call.id, "content": told}],
            "tools": tools,
            "tool_choice": {"type": "function", "function": {"name": call.name}},
        }
        again = Completion(
            self._llm,
            body,
            self._request,
            self._save_image,
            self._account,
            self._observer,
            names=self._names,
            request_id=self._id,
            fixes=False,
        )
        try:
            await again.pour(Nobody())
        except UpstreamError as error:
            log.warning("a call could not be asked for again", extra={"tool": call.name, "kind": error.kind})
            return ""
        made = [fixed(schema, each.arguments) for each in again.tool_calls if each.name == call.name]
        return next((arguments for arguments, wrong in made if not wrong), "")

    async def _save_pictures(self, pictures: list[str], sink: Sink) -> None:
        """Saves the images of the answer as artifacts, which the core sends at its end."""
        for number, url in enumerate(pictures, 1):
            _, base64_follows, data = url.partition(";base64,")
            if not base64_follows:
                sink.text(f"\n\n![image {number}]({url})\n\n" if _WEB_ADDRESS.fullmatch(url) else _NO_PICTURE)
                continue
            try:
                image = await asyncio.to_thread(base64.b64decode, data, validate=True)
                await self._save_image(image, f"image-{number}")
            except ValueError:
                sink.text(_NO_PICTURE)
            except ArtifactError as error:
                sink.text(f"\n\n{error}")

    def _why(self, error: UpstreamError, attempts: Attempts) -> dict[str, Any]:
        about = {"kind": error.kind, "status": error.status or None, "attempt": attempts.round}
        return {"request_id": self._id, **about}

    def _add_usage(self, usage: Usage) -> None:
        self.usage = usage if self.usage is None else self.usage + usage
        self._account(usage)

    def _cost(self, reader: ChunkReader) -> Usage:
        said = len((reader.text.getvalue() + reader.reasoning.getvalue()).encode("utf-8", "replace"))
        said += sum(len(call.arguments) for call in reader.calls.found)
        counted = reader.usage or Usage(prompt_tokens(self.body))
        if said and not counted.completion_tokens:
            counted += Usage(0, text_tokens(said))
        upstream, settings = self._upstream, self._llm.settings
        if upstream is None or upstream.model == OFFLINE_MODEL:
            return counted  # the offline model costs nothing
        if upstream.declared is not None:
            return counted.priced(upstream.declared.price_in, upstream.declared.price_out)
        return counted.priced(settings.price_prompt, settings.price_completion)


def _encoded(body: Body) -> bytes:
    try:
        return to_json(body)  # a sixth of the time
    except PydanticSerializationError:  # half a surrogate pair, which JSON can only hold escaped
        return json.dumps(body).encode()
