"""Measures the cost of a token: each load on each server, with 1 to 2,000 streams, and with one and two workers."""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from . import load, machine
from .lineup import PEERS, setting_exists
from .load import Load
from .progress import Progress
from .runs import DIRECT, WARM_UP, Rows, Run, interleaved, measured
from .servers import Mock, Server

LOADS = {
    "s50": Load("mock-n100-d20", streams=50, requests=100, ramp=2.0),
    "full": Load("mock-n500-d2", streams=50, requests=50),  # 25,000 tokens per second
    "flood": Load("mock-n500", streams=50, requests=50),
    "s500": Load("mock-n25-d200", streams=500, requests=500, ramp=5.0),
    "one": Load("mock-n1", streams=4, requests=400),
}
QUICK_LOADS = {
    "s50": Load("mock-n100-d20", streams=50, requests=50, ramp=1.0),
    "full": Load("mock-n500-d2", streams=50, requests=50),
    "one": Load("mock-n1", streams=4, requests=200),
}
SCALE = (1, 10, 50, 200, 500, 1000, 2000)
SCALE_RATE = 2500  # tokens per second of all streams together, for any number of streams
OPENED_PER_SECOND = 300
SETTLE_SECONDS, WINDOW_SECONDS = 1.5, 4.0
PLAIN_LIMIT = 500  # with more streams, httpx's connection pool takes minutes


def cost(name: str, given: Load, names: Sequence[str], repetitions: int) -> Rows:
    """Measures CPU per token and latencies of each server under one load."""
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


def scale(names: Sequence[str], repetitions: int, counts: Sequence[int] = SCALE) -> Rows:
    """Measures CPU per token with 1 to 2,000 streams at the same total rate. Each run records its number of streams."""
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
            rows[peer].append({"streams": streams, **asyncio.run(_steady(servers[peer], streams))})
    return rows


async def _steady(server: Server, streams: int) -> Run:
    """Measures CPU per token while all streams are open, without the cost of opening and ending them."""
    gap, ramp = streams / SCALE_RATE, streams / OPENED_PER_SECOND
    tokens = round((ramp + 2 * SETTLE_SECONDS + WINDOW_SECONDS) / gap)
    given = Load(f"mock-n{tokens}-d{gap * 1000:g}", streams=streams, requests=streams, ramp=ramp)
    driving = asyncio.create_task(load.drive(server.url, given))
    await asyncio.sleep(ramp + SETTLE_SECONDS)
    began, before = time.monotonic(), server.cpu()
    await asyncio.sleep(WINDOW_SECONDS)
    ended, after = time.monotonic(), server.cpu()
    results = await driving
    seen = sum(began <= arrival < ended for result in results for arrival in result.arrivals)
    wrong = sum(result.wrong is not None for result in results)
    return {"cpu_us": (after - before) / seen * 1e6 if seen else None, "wrong": wrong}


def workers(repetitions: int) -> Rows:
    """Measures the load "flood" with one and with two workers, on all cores.

    Returns no rows if the competitor has no setting JANUS_WORKERS.
    """
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
            progress.step(f"{name} worker(s), repetition {repetition + 1}")
            with Server(peers[name], mock.port, cores=machine.CORES) as server:
                load.run(server.url, WARM_UP)
                run = measured(server.url, LOADS["flood"], server)[1]
                rows[name].append({**run, "memory_mib": server.memory_kib() / 1024})
    return rows
