"""Searches for the request that costs the most, and sends the worst ones beside other streams (line J)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings, target
from hypothesis import strategies as st

from ...template_path import TEMPLATE, contract_tests
from ...unit.offline.test_budget import HOSTILE
from .measuring import MAX_LAG_SECONDS, Cost, Measured
from .server import NUMBER
from .shapes import FILLS, ITEMS, MAX_BYTES, OF_TEXTS, PLACES, TEXTS, Shape

processes, lateness = contract_tests("processes"), contract_tests("lateness")
QUICK = {"JANUS_OFFLINE_WORDS_PER_SECOND": "100000", "JANUS_PACING": "off"}
SERVERS: dict[str, Mapping[str, str]] = {
    "the offline model": QUICK,
    "the console": {**QUICK, "JANUS_DEBUG": "true"},
    "the log, with secrets": {**QUICK, "LOG_LEVEL": "debug", "JANUS_LLM_API_KEY": "sk-" + "a" * 40},
}
SECONDS, SECONDS_OF_A_SAMPLE = 60, 1
# Earlier runs of the search found these.
WORST = (
    Shape("properties of the answer", "an object", '{"$ref":"#/"}', 2_281_827),
    Shape("messages", "an array", '{"role":"user","content":"x"}', 1_583_660),
    Shape("choices of a forced tool", "a chain", '{"role":"user","content":[]}', 1_771_639, depth=20),
    Shape("anyOf of a forced tool", "a chain", '{"role":"user","content":[]}', 7_578_920, depth=2, long_names=True),
    Shape("choices of a forced tool", "a text", "{", 7_940_915),
    Shape("description of a forced tool", "an object", '{"type":"string"}', 7_965_899, depth=5),
    Shape(
        "tools", "an array", '{"type":"function","function":{"name":"tool_@","description":"writes a file"}}', 900_000
    ),
    Shape("text", "a text", "then ", 9_800_000),
    Shape("tools", "a text", "[^\\W\\d_]{2}", 9_900_000),
)
# Its answer is so long that it takes hours at the speed of the streams below.
LONG_ANSWER = Shape("properties of a forced tool", "an object", '{"type":"string"}', 1_912_039, long_names=True)


class _TimeIsOver(Exception):
    """Ends the search."""


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    fill = draw(st.sampled_from(sorted(FILLS)))
    atoms = st.sampled_from(TEXTS if fill in OF_TEXTS else ITEMS)
    if fill in OF_TEXTS:
        atoms |= st.text(min_size=1, max_size=12)
    return Shape(
        place=draw(st.sampled_from(sorted(PLACES))),
        fill=fill,
        atom=draw(atoms),
        size=draw(st.integers(10_000, MAX_BYTES)),
        depth=draw(st.integers(1, 62)),
        long_names=draw(st.booleans()),
    )


@contextmanager
def measured(project: Path, environment: Mapping[str, str], folder: Path) -> Iterator[Measured]:
    file = folder / "longest-turn"
    file.write_bytes(NUMBER.pack(0.0))
    server = str(TEMPLATE / "tests" / "torture" / "cost" / "server.py")
    with processes.competitor(environment, server, str(file), cwd=project, log=folder / "log") as (url, pid):
        found = Measured(url, pid, file)
        found.cost(json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}]}).encode())
        yield found


def confirmed(server: Measured, body: bytes) -> Cost:
    """The cost; measured again if it is too high, because other processes on the machine disturb the caches."""
    cost = server.cost(body)
    for _ in range(2):
        if cost.seconds <= MAX_LAG_SECONDS and cost.memory_share <= 1:
            break
        again = server.cost(body)
        cost = Cost(min(cost.seconds, again.seconds), min(cost.memory, again.memory), cost.sent, cost.status)
    return cost


@pytest.mark.torture("J", "request bodies, of which none cost more than it may")
@pytest.mark.parametrize(
    "server", [pytest.param(name, marks=() if name == "the offline model" else pytest.mark.slow) for name in SERVERS]
)
def test_no_body_costs_more_than_its_size_allows(
    server: str, baked: Path, tmp_path: Path, whole: bool, record_property: Any
) -> None:
    """Looks for the largest lag and the largest memory, not for crashes, as long as there is time."""
    ends = time.monotonic() + (SECONDS if whole else SECONDS_OF_A_SAMPLE)
    seen: list[tuple[Cost, Shape]] = []
    with measured(baked, SERVERS[server], tmp_path) as running:

        def look(shape: Shape) -> None:
            body = shape.body()
            if len(body) > MAX_BYTES + 10_000:
                return
            cost = confirmed(running, body)
            assert cost.status in (200, 400, 413)
            target(cost.seconds, label="seconds")
            target(cost.memory_share, label="memory")
            seen.append((cost, shape))

        def search(shape: Shape) -> None:
            if time.monotonic() > ends:
                raise _TimeIsOver
            look(shape)

        for shape in (*WORST, LONG_ANSWER) if whole else (WORST[0], LONG_ANSWER):
            seen.append((confirmed(running, shape.body()), shape))
        searching = settings(
            max_examples=100_000,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.target],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        with suppress(_TimeIsOver):
            searching(given(shapes())(search))()
        for name in sorted(HOSTILE) if whole else ():
            cost = confirmed(running, json.dumps({"model": "m", **HOSTILE[name]}).encode())
            assert cost.seconds <= MAX_LAG_SECONDS, name
            assert cost.memory_share <= 1, name
    slowest, largest = max(seen, key=lambda one: one[0].seconds), max(seen, key=lambda one: one[0].memory_share)
    record_property("count", len(seen))
    record_property("worst", f"{server}: longest turn {slowest[0]}: {slowest[1]}")
    record_property("worst", f"{server}: most memory {largest[0]}: {largest[1]}")
    assert slowest[0].seconds <= MAX_LAG_SECONDS, slowest
    assert largest[0].memory_share <= 1, largest


STREAMS, MAX_GAP_SECONDS = 20, 0.5
SLOW = {"JANUS_OFFLINE_WORDS_PER_SECOND": "20", "JANUS_PACING": "off"}


@pytest.mark.torture("J", "worst bodies beside 20 other streams without a gap over 0.5 s")
def test_other_streams_go_on_while_the_worst_bodies_are_answered(
    baked: Path, tmp_path: Path, whole: bool, record_property: Any
) -> None:
    bodies = [shape.body() for shape in (WORST if whole else WORST[:1])]
    names = sorted(HOSTILE) if whole else sorted(HOSTILE)[:1]
    bodies += [json.dumps({"model": "m", "stream": True, **HOSTILE[name]}).encode() for name in names]

    def attempt() -> None:
        with measured(baked, SLOW, tmp_path) as server:
            gaps, health = asyncio.run(_beside(server, bodies))
        assert max(gaps) < MAX_GAP_SECONDS, f"a gap of {max(gaps):.2f} s"
        assert max(health) < MAX_GAP_SECONDS, f"/health after {max(health):.2f} s"

    lateness.measured_on_time(attempt)
    record_property("count", len(bodies))


async def _beside(server: Measured, bodies: list[bytes]) -> tuple[list[float], list[float]]:
    """The largest gap of each stream, and the times of /health, while each body is sent once."""
    url, done = f"http://127.0.0.1:{server.port}", asyncio.Event()
    async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
        streams = [asyncio.create_task(_stream(client, url, done)) for _ in range(STREAMS)]
        health = asyncio.create_task(_health(client, url, done))
        await asyncio.sleep(1)
        for body in bodies:
            assert await asyncio.to_thread(server.post, body) in (200, 400, 413)
        done.set()
        return [gap for task in streams for gap in [await task]], await health


async def _stream(client: httpx.AsyncClient, url: str, done: asyncio.Event) -> float:
    """Asks for long answers, one after another, and returns the largest gap between two reads of one."""
    largest = 0.0
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "words " * 200}]}
    while not done.is_set():
        async with client.stream("POST", f"{url}/v1/chat/completions", json=asked) as answer:
            before = None
            async for _ in _pieces(answer):
                now = time.monotonic()
                largest = max(largest, now - before if before is not None else 0.0)
                before = now
                if done.is_set():
                    break
    return largest


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    async for piece in answer.aiter_raw():
        yield piece


async def _health(client: httpx.AsyncClient, url: str, done: asyncio.Event) -> list[float]:
    took = []
    while not done.is_set():
        began = time.monotonic()
        assert (await client.get(f"{url}/health")).status_code == 200
        took.append(time.monotonic() - began)
        await asyncio.sleep(0.05)
    return took
