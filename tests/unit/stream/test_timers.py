"""Tests pacing's timers, with and without timerfd: they fire in order, not too early, and leave no descriptor open."""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import uvloop

from competitor.core.stream import timerfd
from competitor.core.stream.timers import Timers

Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=["timerfd", "loop"], autouse=True)
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert timerfd.EXISTS, "these tests run on Linux, which has timerfd"
    if request.param == "loop":
        monkeypatch.setattr(timerfd, "EXISTS", False)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    def run(work: Callable[[], Awaitable[None]]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(work(), 120))

    return run


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_alarms_fire_in_order_once_and_never_early(run: Run) -> None:
    async def work() -> None:
        timers, all_rang = Timers(), asyncio.Event()
        rung: list[tuple[str, float]] = []
        began = timers.time()
        due = {f"{after}": began + after / 1000 for after in (30, 5, 12.3, 12.4, 0, -5, 29.9)}

        def ring(name: str) -> None:
            rung.append((name, timers.time()))
            if len(rung) == len(due):
                all_rang.set()

        for name, when in due.items():
            timers.call_at(when, partial(ring, name))
        await all_rang.wait()
        await asyncio.sleep(0.03)
        assert [name for name, _ in rung] == sorted(due, key=lambda name: due[name])
        assert all(at >= due[name] - 0.0013 for name, at in rung), "no alarm may fire more than 1.3 ms early"

    run(work)


def test_a_cancelled_alarm_does_not_fire_whenever_it_was_cancelled(
    run: Run,
) -> None:
    async def work() -> None:
        timers, over = Timers(), asyncio.Event()
        rung: list[str] = []
        now = timers.time()
        first = timers.call_at(now + 0.005, lambda: rung.append("first"))
        first.cancel()
        same = now + 0.01
        by_another = timers.call_at(same + 0.00001, lambda: rung.append("by another"))
        timers.call_at(same, by_another.cancel)
        timers.call_at(now + 0.02, over.set)
        await over.wait()
        assert rung == []

    run(work)


def test_a_callback_may_set_the_next_alarm(run: Run) -> None:
    async def work() -> None:
        timers, over = Timers(), asyncio.Event()
        rung: list[float] = []

        def ring() -> None:
            rung.append(timers.time())
            timers.call_at(rung[-1] + 0.002, ring) if len(rung) < 20 else over.set()

        timers.call_at(timers.time() + 0.002, ring)
        await over.wait()
        assert all(later - earlier >= 0.0007 for earlier, later in itertools.pairwise(rung))

    run(work)


def test_no_descriptor_is_open_while_no_alarm_is_set(run: Run) -> None:
    async def work() -> None:
        timers = Timers()
        await asyncio.sleep(0.01)
        before = descriptors()
        for _ in range(3):
            over = asyncio.Event()
            timers.call_at(timers.time() + 0.005, over.set)
            assert descriptors() == before + timerfd.EXISTS
            await over.wait()
            await asyncio.sleep(0.01)
            assert descriptors() == before

    run(work)


def test_a_callback_that_fails_does_not_affect_others(run: Run) -> None:
    async def work() -> None:
        failures: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))
        timers, over = Timers(), asyncio.Event()

        def fail() -> None:
            raise ZeroDivisionError

        when = timers.time() + 0.005
        timers.call_at(when, fail)
        timers.call_at(when, over.set)
        await over.wait()
        assert [type(failure) for failure in failures] == [ZeroDivisionError]

    run(work)


def test_after_a_blocked_loop_all_alarms_fire_late(run: Run) -> None:
    async def work() -> None:
        timers, over = Timers(), asyncio.Event()
        rung: list[int] = []
        now = timers.time()
        for number in range(10):
            timers.call_at(now + number / 1000, partial(rung.append, number))
        timers.call_at(now + 0.01, over.set)
        time.sleep(0.05)  # noqa: ASYNC251 - blocks on purpose
        await over.wait()
        assert rung == list(range(10))

    run(work)
