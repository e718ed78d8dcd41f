"""The scenarios: what is done to the servers, and what each run leaves behind as plain figures.

A section's `rows` map a server to its runs, one for each repetition. Repetitions are interleaved (A B C, B C A,
...), so that what disturbs the machine for a while disturbs all; ratios are taken within a repetition.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from . import load, machine
from .evenness import evenness
from .load import Load
from .progress import Progress
from .servers import PEERS, Mock, Server, setting_exists

Run = dict[str, Any]
Rows = dict[str, list[Run]]
DIRECT = "direct"  # the client at the upstream, without a server between
SLOW_REPETITIONS = 2
SETTLE_SECONDS = 0.3

ALL = tuple(PEERS)
STARTED = tuple(name for name in ALL if name not in ("paced", "events"))
SCALED = ("nginx", "relay", "raw-asgi", "plain-fastapi")
LOADS = {
    "s50": Load("mock-n100-d20", streams=50, requests=100, ramp=2.0),
    "full": Load("mock-n500-d2", streams=50, requests=50),  # 25,000 tokens a second: more than most can carry
    "flood": Load("mock-n500", streams=50, requests=50),
    "s500": Load("mock-n25-d200", streams=500, requests=500, ramp=5.0),
    "one": Load("mock-n1", streams=4, requests=400),
}
QUICK_LOADS = {
    "s50": Load("mock-n100-d20", streams=50, requests=50, ramp=1.0),
    "full": Load("mock-n500-d2", streams=50, requests=50),
    "one": Load("mock-n1", streams=4, requests=200),
}
WARM_UP = Load("mock-n20-d2", streams=10, requests=40)

# name -> (model, label). All are synthetic: shapes that upstreams are seen to have, with round figures.
PATTERNS = {
    "steady": ("mock-n450-d20", "steady, 50 a second"),
    "b20": ("mock-n450-b20-d200", "bursts of 20, each 0.2 s"),
    "b50": ("mock-n450-b50-d500", "bursts of 50, each 0.5 s"),
    "b100": ("mock-n450-b100-d1000", "bursts of 100, each 1 s"),
    "b90-200": ("mock-n450-b90-d200", "bursts of 90, each 0.2 s"),
    "b90-500": ("mock-n450-b90-d500", "bursts of 90, each 0.5 s"),
    "b90-1000": ("mock-n450-b90-d1000", "bursts of 90, each 1 s"),
    "speculative": ("mock-n450-a5-d40", "speculative decoding: 1 to 5 each 40 ms"),
    "end": ("mock-n450-b450-t2000", "450 deltas in one burst at the end"),
    "block": ("mock-n450-k450-t2000", "one delta with all the text at the end"),
}
PATTERN_STREAMS = 6
PACING = ("relay", "paced")  # the same server without and with it


def interleaved(names: Sequence[str], repetitions: int) -> Iterator[tuple[int, str]]:
    """Every repetition visits every server once, in a rotated order."""
    for repetition in range(repetitions):
        turn = repetition % len(names)
        for name in (*names[turn:], *names[:turn]):
            slow = name in PEERS and PEERS[name].slow
            if not slow or repetition < SLOW_REPETITIONS:
                yield repetition, name


def quantile(values: Sequence[float], share: float) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def figures(results: Sequence[load.Result], cpu: float | None, seconds: float) -> Run:
    """What is kept of one run. Times are in milliseconds, CPU in microseconds a token."""
    latencies = [latency for result in results for latency in result.latencies]
    firsts = [result.first for result in results if result.first is not None]
    wrong = [result.wrong for result in results if result.wrong]
    milli = {
        f"{what}_{name}_ms": None if (found := quantile(values, share)) is None else found * 1000
        for what, values in (("first", firsts), ("latency", latencies))
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
    tokens = len(latencies)
    return {
        "requests": len(results),
        "wrong": len(wrong),
        "first_wrong": wrong[0] if wrong else None,
        "tokens": tokens,
        "tokens_per_second": tokens / seconds,
        "cpu_us": None if cpu is None or not tokens else cpu / tokens * 1e6,
        **milli,
    }


def measured(url: str, given: Load, server: Server | None) -> tuple[list[load.Result], Run]:
    before, began = server.cpu() if server else 0.0, time.monotonic()
    results = load.run(url, given)
    seconds = time.monotonic() - began
    time.sleep(SETTLE_SECONDS)  # what the server does after the last byte is its cost as well
    return results, figures(results, server.cpu() - before if server else None, seconds)


def cost(name: str, given: Load, names: Sequence[str], repetitions: int) -> Rows:
    """CPU a token and latencies of one load, with every server."""
    rows: Rows = {peer: [] for peer in names}
    order = list(interleaved(names, repetitions))
    progress = Progress(name, len(order))
    with Mock() as mock, ExitStack() as stack:
        servers = {peer: stack.enter_context(Server(PEERS[peer], mock.port)) for peer in names if peer != DIRECT}
        for server in servers.values():
            load.run(server.url, WARM_UP)
        for repetition, peer in order:
            progress.step(f"{peer}, repetition {repetition + 1}")
            running = servers.get(peer)
            rows[peer].append(measured(running.url if running else mock.url, given, running)[1])
    return rows


def start(names: Sequence[str], repetitions: int) -> Rows:
    """Seconds to the first 200 of /health from an empty environment, and memory when idle."""
    rows: Rows = {peer: [] for peer in names}
    order = list(interleaved(names, repetitions + 1))
    progress = Progress("start", len(order))
    with Mock() as mock:
        for repetition, peer in order:
            progress.step(f"{peer}, start {repetition}")
            bare = PEERS[peer].name in ("relay", "langchain", "tools")
            with Server(PEERS[peer], mock.port, bare=bare) as server:
                time.sleep(1.0)
                run = {"ready_s": server.ready_after, "memory_mib": server.memory_kib() / 1024}
            if repetition:  # the first round only fills the page cache and writes bytecode
                rows[peer].append(run)
    return rows


def memory(names: Sequence[str], streams: int, repetitions: int) -> Rows:
    """KiB an open, silent stream, and MiB that stay after all of them have ended."""
    rows: Rows = {peer: [] for peer in names}
    order = list(interleaved(names, repetitions))
    progress = Progress("memory", len(order))
    silent = Load("mock-n3-d10-s15000", streams=streams, requests=streams, ramp=6.0)
    with Mock() as mock:
        for repetition, peer in order:
            progress.step(f"{peer}, {streams} silent streams, repetition {repetition + 1}")
            with Server(PEERS[peer], mock.port) as server:
                load.run(server.url, Load("mock-n5-d5", streams=100, requests=300))
                time.sleep(2.0)
                before = server.memory_kib()
                results, open_kib = asyncio.run(_while_open(server, silent))
                time.sleep(4.0)
                rows[peer].append(
                    {
                        "kib_a_stream": (open_kib - before) / streams,
                        "kept_mib": (server.memory_kib() - before) / 1024,
                        "wrong": sum(result.wrong is not None for result in results),
                    }
                )
    return rows


async def _while_open(server: Server, silent: Load) -> tuple[list[load.Result], int]:
    """The answers, and the server's memory 4 s after the last stream was opened."""
    driving = asyncio.create_task(load.drive(server.url, silent))
    await asyncio.sleep(silent.ramp + 4.0)
    open_kib = server.memory_kib()
    return await driving, open_kib


SCALE = (1, 10, 50, 200, 500, 1000, 2000)
SCALE_RATE = 2500  # tokens a second in all, whatever the number of streams
PLAIN_LIMIT = 500  # above, httpx's pool takes minutes


def scale(names: Sequence[str], repetitions: int, counts: Sequence[int] = SCALE) -> Rows:
    """CPU a token from 1 to 2,000 streams at one rate in all; a run's `streams` says how many."""
    rows: Rows = {peer: [] for peer in names}
    order = [
        (repetition, streams, peer)
        for streams in counts
        for repetition, peer in interleaved(names, repetitions)
        if streams <= PLAIN_LIMIT or peer != "plain-fastapi"
    ]
    progress = Progress("scale", len(order))
    with Mock() as mock, ExitStack() as stack:
        servers = {peer: stack.enter_context(Server(PEERS[peer], mock.port)) for peer in names}
        for repetition, streams, peer in order:
            progress.step(f"{peer}, {streams} streams, repetition {repetition + 1}")
            gap = streams / SCALE_RATE * 1000
            tokens = max(4, round(4 * SCALE_RATE / streams))
            ramp = min(2.0, gap * streams / 1000)
            given = Load(f"mock-n{tokens}-d{gap:g}", streams=streams, requests=streams, ramp=ramp)
            rows[peer].append({"streams": streams, **measured(servers[peer].url, given, servers[peer])[1]})
    return rows


def workers(repetitions: int) -> Rows:
    """A flood on one worker and on two, on all cores; no rows for a competitor that has no such setting."""
    if not setting_exists("JANUS_WORKERS"):
        print("  This competitor has no setting JANUS_WORKERS.", file=sys.stderr)
        return {}
    relay = PEERS["relay"]
    peers = {n: replace(relay, environment={**relay.environment, "JANUS_WORKERS": n}) for n in ("1", "2")}
    rows: Rows = {name: [] for name in peers}
    order = list(interleaved(tuple(peers), repetitions))
    progress = Progress("workers", len(order))
    with Mock() as mock:
        for repetition, name in order:
            progress.step(f"{name} of them, repetition {repetition + 1}")
            with Server(peers[name], mock.port, cores=machine.CORES) as server:
                load.run(server.url, WARM_UP)
                run = measured(server.url, LOADS["flood"], server)[1]
                rows[name].append({**run, "memory_mib": server.memory_kib() / 1024})
    return rows


def even(repetitions: int) -> Rows:
    """Evenness, delay and CPU of each arrival pattern, unpaced and paced; rows are `pattern/mode`."""
    rows: Rows = {f"{pattern}/{mode}": [] for pattern in PATTERNS for mode in PACING}
    order = [(n, pattern, mode) for n in range(repetitions) for pattern in PATTERNS for mode in PACING]
    progress = Progress("even", len(order))
    with Mock() as mock, ExitStack() as stack:
        servers = {mode: stack.enter_context(Server(PEERS[mode], mock.port)) for mode in PACING}
        for server in servers.values():
            load.run(server.url, WARM_UP)
        for repetition, pattern, mode in order:
            progress.step(f"{pattern}, {mode}, repetition {repetition + 1}")
            given = Load(PATTERNS[pattern][0], streams=PATTERN_STREAMS, requests=PATTERN_STREAMS, ramp=0.3)
            results, run = measured(servers[mode].url, given, servers[mode])
            rows[f"{pattern}/{mode}"].append({**run, **_evenness_of(results)})
    return rows


def _evenness_of(results: Sequence[load.Result]) -> Run:
    first = results[0]
    return {
        "evenness": statistics.median(evenness(result.arrivals) for result in results),
        "deltas": statistics.median(len(result.arrivals) for result in results),
        "held_ms": statistics.fmean(latency for result in results for latency in result.latencies or [0.0]) * 1000,
        "longest_held_ms": max((latency for result in results for latency in result.latencies), default=0.0) * 1000,
        "whole_s": statistics.median(result.arrivals[-1] - result.asked_at for result in results if result.arrivals),
        "arrivals_s": [round(at - first.asked_at, 4) for at in first.arrivals],
    }


@dataclass(frozen=True)
class Scenario:
    """One section of the results. `run` takes the number of repetitions."""

    about: str
    run: Callable[[int], Rows]


def _cost(name: str, names: Sequence[str]) -> Callable[[int], Rows]:
    return lambda repetitions: cost(name, LOADS[name], names, repetitions)


SCENARIOS = {
    "s50": Scenario("50 streams at 20 ms a token", _cost("s50", (DIRECT, *ALL))),
    "full": Scenario("50 streams at 2 ms a token: full rate", _cost("full", ALL)),
    "flood": Scenario("50 streams, as fast as they are read", _cost("flood", ALL)),
    "s500": Scenario("500 streams at 200 ms a token", _cost("s500", ALL)),
    "one": Scenario("one token a request", _cost("one", ALL)),
    "start": Scenario("cold start and idle memory", lambda repetitions: start(STARTED, 2 * repetitions)),
    "memory": Scenario("memory of 2,000 open, silent streams", lambda repetitions: memory(("nginx", "relay"), 2000, 2)),
    "scale": Scenario("1 to 2,000 streams", lambda repetitions: scale(SCALED, max(1, repetitions // 2))),
    "workers": Scenario("several workers", workers),
    "even": Scenario("evenness by arrival pattern", lambda repetitions: even(max(1, repetitions // 2))),
}
