"""Measures what a server costs without traffic: start time, memory when idle, and memory of silent streams."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from . import load
from .lineup import OURS, PEERS
from .load import Load
from .progress import Progress
from .runs import Rows, interleaved
from .servers import Mock, Server

SETTLE_SECONDS = 4.0


@dataclass(frozen=True)
class _Round:
    """The server's memory a while after the last stream was opened, and a while after all streams have ended."""

    open_kib: int
    after_kib: int
    wrong: int


def start(names: Sequence[str], repetitions: int) -> Rows:
    """Measures the seconds to the first 200 of /health with an empty environment, and the memory when idle."""
    rows: Rows = {peer: [] for peer in names}
    order = list(interleaved(names, repetitions + 1))
    progress = Progress("start", len(order))
    with Mock() as mock:
        for repetition, peer in order:
            progress.step(f"{peer}, start {repetition}")
            # E9: a competitor must start without any environment variable. Other servers need the upstream's address.
            with Server(PEERS[peer], mock.port, bare=peer in OURS) as server:
                time.sleep(1.0)
                run = {"ready_s": server.ready_after, "memory_mib": server.memory_kib() / 1024}
            if repetition:  # the first round only fills the page cache and writes bytecode
                rows[peer].append(run)
    return rows


def memory(names: Sequence[str], streams: int, repetitions: int) -> Rows:
    """Measures KiB per open, silent stream, MiB kept after all streams have ended, and MiB added by a second round.

    Memory that only the first round adds may be kept by the allocator. Memory that every round adds is a leak.
    """
    rows: Rows = {peer: [] for peer in names}
    order = list(interleaved(names, repetitions))
    progress = Progress("memory", len(order))
    silent = Load("mock-n3-d10-s15000", streams=streams, requests=streams, ramp=6.0)
    with Mock() as mock:
        for repetition, peer in order:
            progress.step(f"{peer}, {streams} silent streams, repetition {repetition + 1}")
            with Server(PEERS[peer], mock.port) as server:
                load.run(server.url, Load("mock-n5-d5", streams=100, requests=300))
                time.sleep(SETTLE_SECONDS)
                before = server.memory_kib()
                rounds = [asyncio.run(_round(server, silent)) for _ in range(2)]
                rows[peer].append(
                    {
                        "kib_a_stream": (rounds[0].open_kib - before) / streams,
                        "kept_mib": (rounds[0].after_kib - before) / 1024,
                        "more_mib": (rounds[1].after_kib - rounds[0].after_kib) / 1024,
                        "wrong": sum(found.wrong for found in rounds),
                        "requests": 2 * streams,
                    }
                )
    return rows


async def _round(server: Server, silent: Load) -> _Round:
    driving = asyncio.create_task(load.drive(server.url, silent))
    await asyncio.sleep(silent.ramp + SETTLE_SECONDS)
    open_kib = server.memory_kib()
    wrong = sum(result.wrong is not None for result in await driving)
    await asyncio.sleep(SETTLE_SECONDS)
    return _Round(open_kib, server.memory_kib(), wrong)
