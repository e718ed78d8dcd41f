"""The runner: runs the backend for one answer, and ends its work in every case.
Contract file: replaced by updates.

The backend runs in its own task. So the work can be ended at once when the client disconnects (S14), at the time
limit (S15) and at a shutdown, even if the backend ignores cancellation.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from ..chat import Chat
from ..errors import AnswerClosed, AnswerFull, ArtifactError, ServiceError, UpstreamError
from ..events import Event, Finish, NotAnEvent, Source
from ..limits import MAX_CLEAN_UP_SECONDS
from ..observe.logs import conceal, hide, unhide
from ..observe.slips import SHOWN, Slip, explained, place_in
from .admission import Gate, NoSlot
from .answer import Answer
from .backend import Backend
from .outcome import End, Failure, Outcome

log = logging.getLogger("competitor.chat")

Receive = Callable[[], Awaitable[Any]]

# After this many events the backend pauses, so that one that never awaits anything does not block other streams.
EVENTS_BETWEEN_BREATHS = 64
_FAILED = "This competitor failed while it answered."


class Runner:
    """Runs the backend for one answer. `run` returns the outcome."""

    def __init__(self, backend: Backend, chat: Chat, answer: Answer, gate: Gate):
        self._backend, self._chat, self._answer, self._gate = backend, chat, answer, gate
        self._outcome = Outcome()

    async def run(self, receive: Receive) -> Outcome:
        loop = asyncio.get_running_loop()
        over: asyncio.Future[End] = loop.create_future()

        def end(why: End) -> None:
            if not over.done():
                over.set_result(why)

        hide(self._chat.request.chutes_access_token)
        work = loop.create_task(self._work())
        work.add_done_callback(lambda _: end(End.DONE))
        work.add_done_callback(lambda _: unhide(self._chat.request.chutes_access_token))
        watch = loop.create_task(_watch(receive, lambda: end(End.GONE)))
        timer = loop.call_later(self._chat.settings.answer_seconds, end, End.LATE)
        try:
            why = await over
        except asyncio.CancelledError:  # the time for a shutdown has passed: end the answer correctly
            why = End.SHUTDOWN
        finally:
            timer.cancel()
            watch.cancel()
        if why is not End.DONE:
            await self._stop(work)
            return self._interrupted(why)
        if work.cancelled():  # the backend cancelled itself
            return Outcome(End.DONE, Failure.BACKEND, "cancelled", _FAILED, "stop")
        return self._outcome

    async def _work(self) -> None:
        if self._chat.settings.development:
            SHOWN.set(True)
        try:
            self._answer.doing("Waiting for a free slot")
            await self._gate.enter()
            try:
                self._answer.doing("Working on it")
                await self._drive()
            finally:
                self._gate.leave()
        except AnswerClosed:
            pass
        except AnswerFull:
            self._outcome = Outcome(failure=Failure.TOO_LONG, reason="length")
        except NoSlot:
            note = "All slots of this competitor are taken. Please try again later."
            self._outcome = Outcome(failure=Failure.NO_SLOT, note=note)
        except UpstreamError as error:
            self._outcome = self._failed(Failure.UPSTREAM, error.kind, error.sentence, error)
            why = {"kind": error.kind, "status": error.status or None, "detail": error.detail[:300]}
            self._chat.log.warning(f"the upstream failed: {self._outcome.advice}", extra=why)
        except ArtifactError as error:
            self._outcome = self._failed(Failure.ARTIFACT, error.kind, str(error), error)
        except ServiceError as error:
            self._outcome = self._failed(Failure.SERVICE, "", str(error), error)
        except asyncio.CancelledError:
            raise
        except (Exception, SystemExit) as error:  # any error of the owner's code: end the answer correctly
            self._outcome = self._failed(Failure.BACKEND, type(error).__name__, _FAILED, error)
            self._chat.log.exception(f"the backend failed: {self._outcome.advice}")

    def _failed(self, failure: Failure, cause: str, note: str, error: BaseException) -> Outcome:
        advice = conceal(explained(error, self._chat.settings), self._chat.settings.secrets)
        if SHOWN.get():
            note = f"{note}\n\n{advice}"
        return Outcome(End.DONE, failure, cause, note, "stop", advice)

    async def _drive(self) -> None:
        answer = self._answer
        backend = self._backend.answer or await self._backend.loaded()
        self._chat.own = self._backend.own
        events = backend(self._chat)
        if not hasattr(events, "__aiter__"):
            raise Slip(f"`answer` must be an async generator, but returned the type {type(events).__name__}")
        taken = 0
        try:
            async for event in events:
                following = await self._poured(event, events) if isinstance(event, Source) else event
                if following is None:
                    continue
                try:
                    answer.take(following)
                except NotAnEvent as error:
                    error.place = place_in(getattr(events, "ag_frame", None))
                    raise
                if isinstance(following, Finish):
                    break
                await answer.flow.drain()
                taken += 1
                if taken % EVENTS_BETWEEN_BREATHS == 0:
                    await asyncio.sleep(0)
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
            for artifact in self._chat.artifacts.saved:  # adds artifacts that the backend did not yield
                answer.take(artifact)

    async def _poured(self, source: Source, events: AsyncIterator[Event]) -> Event | None:
        """Passes on what a source sends. If it fails, raises its error at the backend's `yield`.

        Returns the event that a backend which has caught the error yields next; None if no event waits.
        """
        following: Event | None = source
        while isinstance(following, Source):
            try:
                await following.pour(self._answer)
            except (AnswerClosed, AnswerFull):
                raise
            except Exception as error:
                if not isinstance(events, AsyncGenerator):
                    raise
                try:
                    following = await events.athrow(error)
                except StopAsyncIteration:
                    following = None
                kind = error.kind if isinstance(error, UpstreamError) else type(error).__name__
                self._chat.log.warning("the backend goes on after a failure", extra={"kind": kind})
            else:
                return None
        return following

    def _interrupted(self, why: End) -> Outcome:
        if why is End.LATE:
            limit = self._chat.settings.timeout_seconds
            note = f"The answer ends here: the time limit of {limit:g} s is reached."
            return Outcome(why, Failure.TIME_LIMIT, note=note, reason="length")
        if why is End.SHUTDOWN:
            note = "The answer ends here: the server is shutting down."
            return Outcome(why, Failure.SHUTDOWN, note=note, reason="stop")
        return Outcome(why, Failure.CLIENT_GONE)

    async def _stop(self, work: asyncio.Task[None]) -> None:
        work.cancel()
        with suppress(asyncio.CancelledError):  # cancelled again during a shutdown: no time is left
            await asyncio.wait({work}, timeout=MAX_CLEAN_UP_SECONDS)
        if not work.done():
            self._chat.log.error("the backend ignores cancellation and still runs")


async def _watch(receive: Receive, gone: Callable[[], None]) -> None:
    """Waits until the client disconnects, which only `receive` reports, and then calls `gone`."""
    while (await receive())["type"] != "http.disconnect":
        pass
    gone()
