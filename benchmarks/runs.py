"""Measures one run of one server, and decides the order of the runs of several servers.

Repetitions are interleaved (A B C, B C A, ...), so that a temporary disturbance affects all servers.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from . import load
from .lineup import PEERS
from .load import Load
from .servers import Server

Run = dict[str, Any]
Rows = dict[str, list[Run]]  # a server's name -> its runs, one per repetition
DIRECT = "direct"  # the client asks the upstream directly
SLOW_REPETITIONS = 2
SETTLE_SECONDS = 0.3
WARM_UP = Load("mock-n20-d2", streams=10, requests=40)


def interleaved(names: Sequence[str], repetitions: int) -> Iterator[tuple[int, str]]:
    """Yields pairs of repetition and server, in rotated order. Slow servers are only in the first repetitions."""
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
    """Computes the figures of one run. Times are in milliseconds, CPU is in microseconds per token."""
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
    time.sleep(SETTLE_SECONDS)  # the server's work after the last byte is part of its cost
    return results, figures(results, server.cpu() - before if server else None, seconds)
