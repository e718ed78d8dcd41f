"""Tests how request bodies that are arriving share the memory for them (N5)."""

import asyncio

import pytest

from competitor.core.answer.admission import Bodies, Gate
from competitor.core.errors import ApiError


def test_a_body_beyond_the_maximum_waits_until_another_is_complete() -> None:
    async def run() -> None:
        bodies = Bodies(100, most_open=10)
        await bodies.hold(0, 80)
        waiting = asyncio.ensure_future(bodies.hold(15, 30))
        await asyncio.sleep(0)
        assert not waiting.done()
        bodies.free(80)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(run())


def test_a_small_body_never_waits() -> None:
    async def run() -> None:
        bodies = Bodies(100, most_open=10)
        await bodies.hold(0, 100)
        await asyncio.wait_for(bodies.hold(0, 10), 5)
        waiting = asyncio.ensure_future(bodies.hold(10, 1))
        await asyncio.sleep(0)
        assert not waiting.done()
        waiting.cancel()

    asyncio.run(run())


def test_a_request_whose_body_arrives_counts_as_open() -> None:
    gate = Gate(running=5, most=2, wait_seconds=1)
    with gate.reading(), gate.reading(), pytest.raises(ApiError, match="Too many requests"), gate.reading():
        pass
    assert gate.open == 0
