"""Measures how evenly text arrives, without and with pacing, if the upstream sends it unevenly."""

import statistics
from collections.abc import Sequence
from contextlib import ExitStack

from . import load
from .evenness import evenness
from .lineup import PEERS
from .load import Load
from .progress import Progress
from .runs import WARM_UP, Rows, Run, measured
from .servers import Mock, Server

# name -> (model, label). All are synthetic: they imitate patterns of real upstreams, with round figures.
PATTERNS = {
    "steady": ("mock-n450-d20", "steady, 50 per second"),
    "b20": ("mock-n450-b20-d200", "bursts of 20, every 0.2 s"),
    "b50": ("mock-n450-b50-d500", "bursts of 50, every 0.5 s"),
    "b100": ("mock-n450-b100-d1000", "bursts of 100, every 1 s"),
    "b90-200": ("mock-n450-b90-d200", "bursts of 90, every 0.2 s"),
    "b90-500": ("mock-n450-b90-d500", "bursts of 90, every 0.5 s"),
    "b90-1000": ("mock-n450-b90-d1000", "bursts of 90, every 1 s"),
    "speculative": ("mock-n450-a5-d40", "speculative decoding: 1-5 every 40 ms"),
    "end": ("mock-n450-b450-t2000", "450 deltas in one burst at the end"),
    "block": ("mock-n450-k450-t2000", "one delta with all the text at the end"),
}
AT_THE_END = ("end", "block")  # the text arrives all at once, so no pace can be kept
SHORT = ("b90-200",)  # shorter than two seconds
PATTERN_STREAMS = 6
BUSY = "even-busy2"  # the section of the results with two busy loops on each core
PACING = ("relay", "fixed", "paced")  # the same server without pacing, with a fixed pace, and with the default


def even(repetitions: int) -> Rows:
    """Measures evenness, delay and CPU for each pattern, in each mode of pacing. Rows are named `pattern/mode`."""
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
