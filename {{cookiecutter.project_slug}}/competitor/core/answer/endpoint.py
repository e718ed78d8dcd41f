"""The chat endpoint, `POST /v1/chat/completions` (E1): reads, checks and answers a request, streamed or not."""
# Contract file: replaced by updates.

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..artifacts.keeper import Keeper
from ..artifacts.save import Artifacts
from ..chat import Chat
from ..console import Console, RecordedWriter
from ..errors import ApiError
from ..limits import MAX_LAST_WRITE_SECONDS
from ..model.upstream import Llm
from ..observe.metrics import Metrics
from ..observe.observer import Observer, Observers, Summary
from ..observe.tracing import Tracing
from ..request.error_responses import crashed, refusal
from ..request.ids import answer_id, echoed
from ..request.parsing import LARGE_BODY_BYTES, parse_request, read_body, read_request, refuse_many_values
from ..request.schema import ChatRequest
from ..settings import Settings
from ..stream.chunks import Envelope
from ..stream.pacing import Pacing
from ..stream.writer import BodyWriter
from .admission import Bodies, Gate
from .answer import Answer, Form
from .backend import Backend
from .forms import StreamForm, WholeForm
from .keepalive import Clock, Silence
from .outcome import End, Failure, Outcome
from .runner import Runner
from .watchdog import Watchdog, empty

log = logging.getLogger("competitor.requests")

CHAT_PATH = "/v1/chat/completions"

# Section 4 of the contract: these headers stop caches and nginx from holding a stream back.
STREAM_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no"}
# Longest model name that is logged, since the caller chooses the name unless a setting replaces it.
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Shared:
    """The objects that all requests share."""

    settings: Settings
    llm: Llm
    backend: Backend
    gate: Gate
    bodies: Bodies
    clock: Clock
    pacing: Pacing | None
    metrics: Metrics
    keeper: Keeper
    console: Console | None = None
    tracing: Tracing | None = None
    watchdog: Watchdog | None = None


class _Request:
    """One request while it is being answered."""

    def __init__(self, shared: Shared, request: Request, asked: ChatRequest, size: int):
        self.shared, self.asked = shared, asked
        self.id = answer_id(request.headers)
        self.echoed = echoed(request.headers)
        self.host = request.headers.get("host", "")
        self.created = int(time.time())
        self.started = time.monotonic()
        self.observer: Observer = shared.metrics
        self.recorder = shared.console.recorder(asked, size, self.id, request.headers) if shared.console else None
        if self.recorder is not None:
            self.observer = Observers(shared.metrics, self.recorder)
            if self.recorder.followed_as is not None:
                self.echoed["x-debug-request-id"] = self.recorder.followed_as
        self.trace = shared.tracing.request(request.headers, self.id) if shared.tracing else None
        if self.trace is not None:
            self.observer = Observers(self.observer, self.trace)

    def answer(self, form: Form) -> Answer:
        return Answer(form, self.asked, self.shared.settings.max_answer_bytes, self.observer)

    def runner(self, answer: Answer) -> Runner:
        shared, artifacts = self.shared, Artifacts(self.shared.keeper, self.host)
        self.chat = Chat(
            self.id, self.asked, shared.llm, shared.settings, answer.usage, artifacts, self.observer, answer.doing
        )
        return Runner(shared.backend, self.chat, answer, shared.gate)

    def advised(self, outcome: Outcome, answer: Answer, watchdog: Watchdog) -> Outcome:
        """Adds to an outcome, in development only, what the owner should correct."""
        if outcome == Outcome() and not answer.has_content:
            outcome = empty(self.chat)
        return watchdog.advised(outcome, self.started)

    def finished(
        self,
        outcome: Outcome,
        answer: Answer,
        reason: str | None,
        usage: Mapping[str, Any],
        gap: float | None = None,
        lag: float | None = None,
    ) -> None:
        """Logs one line and notifies the observers.

        For a stream, `gap` is its longest silence, and `lag` is the longest delay of the event loop. For a
        non-streamed answer, both are None.
        """
        summary = Summary(
            request_id=self.id,
            correlation_id=self.echoed.get("x-correlation-id"),
            mode="whole" if gap is None else "stream",
            backend=self.shared.backend.name,
            model=self.chat.model[:_SHOWN_CHARACTERS],
            end=outcome.end.value,
            outcome=outcome.status,
            failure=outcome.words,
            error_type=outcome.error_type,
            finish_reason=reason,
            ttft=None if answer.first_at is None else answer.first_at - self.started,
            largest_gap=gap,
            loop_lag=lag,
            duration=time.monotonic() - self.started,
            usage=usage,
            advice=outcome.advice,
        )
        log.info("request", extra=summary.as_fields())
        self.observer.finished(summary)

    def close(self) -> None:
        """Ends the recording and the trace of this request, whether it succeeded or failed."""
        if self.recorder is not None:
            self.recorder.close()
        if self.trace is not None:
            self.trace.close()


class ChatEndpoint:
    """Answers chat requests. A bad request is refused before any work starts (S16)."""

    def __init__(self, shared: Shared):
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self.response(request)
        except ApiError as error:
            self._shared.metrics.refused(error.code)
            if self._shared.console is not None:
                self._shared.console.refused(error, request.headers)
            response = refusal(error, request.headers)
        except Exception as error:  # noqa: BLE001 - a bug of the server becomes a 500 in OpenAI's shape
            response = await crashed(request, error)
        await response(scope, receive, send)

    async def response(self, request: Request) -> Response:
        """Raises `ApiError`."""
        shared = self._shared
        try:
            with shared.gate.reading():
                body = await read_body(request, shared.settings.max_body_bytes, shared.bodies)
        except ClientDisconnect:
            return Response(status_code=400)  # the client has gone, so nobody reads it
        if len(body) > LARGE_BODY_BYTES:
            refuse_many_values(body, shared.settings.max_body_values)
            await asyncio.sleep(0)  # other streams may write
            asked = parse_request(body)
        else:
            asked = read_request(body, shared.settings.max_body_values)
        size = len(body)
        del body  # it may be large, and the answer may take minutes
        work = _Request(shared, request, asked, size)
        if asked.stream:
            return _Stream(work)
        with shared.metrics.in_flight():
            try:
                return await _whole(work, request)
            finally:
                work.close()


async def _whole(work: _Request, request: Request) -> Response:
    form = WholeForm()
    answer = work.answer(form)
    runner = work.runner(answer)
    outcome = await runner.run(request.receive)
    if work.shared.watchdog is not None:
        outcome = work.advised(outcome, answer, work.shared.watchdog)
    reason, usage = answer.close(outcome.note, outcome.reason)
    body = json.dumps(form.as_json(work.id, work.asked.model, work.created, reason, usage)).encode()
    if work.recorder is not None:
        work.recorder.answered(body)
    work.finished(outcome, answer, reason, usage)
    return Response(body, media_type="application/json", headers={"x-request-id": work.id, **work.echoed})


class _Stream(Response):
    """The streamed answer. It writes to the server directly: the framework's responses would buffer or split chunks."""

    def __init__(self, work: _Request):
        self.status_code, self.background = 200, None
        headers = {**STREAM_HEADERS, "x-request-id": work.id, **work.echoed}
        self.raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._work.shared.metrics.in_flight():
            try:
                await self._write(receive, send)
            finally:
                self._work.close()

    async def _write(self, receive: Receive, send: Send) -> None:
        work = self._work
        writer = BodyWriter(send) if work.recorder is None else RecordedWriter(send, work.recorder)
        writer.cork()
        form = StreamForm(Envelope(work.id, work.asked.model, work.created), writer, work.shared.pacing)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        writer.uncork()  # sends the first chunk (S1) in one write with the head
        answer = work.answer(form)
        silence = Silence(answer, writer, work.started)
        runner = work.runner(answer)
        work.shared.clock.add(silence)
        try:
            outcome = await runner.run(receive)
        finally:
            work.shared.clock.discard(silence)
        if work.shared.watchdog is not None:
            outcome = work.advised(outcome, answer, work.shared.watchdog)
        writer.gone = writer.gone or outcome.end is End.GONE
        reason, usage = answer.close(outcome.note, outcome.reason)
        if writer.gone:
            form.drop()
        else:
            try:
                async with asyncio.timeout(MAX_LAST_WRITE_SECONDS):
                    await form.end(reason, usage, work.asked.usage_in_own_chunk)
            except TimeoutError:
                outcome = replace(outcome, failure=Failure.CLIENT_STUCK, cause="")
        work.finished(outcome, answer, reason, usage, writer.largest_gap, silence.lag)
