"""What a server costs before and beside its work: its start, its memory when idle, that of silent streams."""

import asyncio
import time
from collections.abc import Sequence

from . import load
from .load import Load
from .progress import Progress
from .runs import Rows, interleaved
from .servers import OURS, PEERS, Mock, Server


def start(names: Sequence[str], repetitions: int) -> Rows:
    """Seconds to the first 200 of /health from an empty environment, and memory when idle."""
    rows: Rows = {peer: [] for peer in names}
    order = list(interleaved(names, repetitions + 1))
    progress = Progress("start", len(order))
    with Mock() as mock:
        for repetition, peer in order:
            progress.step(f"{peer}, start {repetition}")
            # E9: ours must start without a single variable; a peer needs its upstream.
            with Server(PEERS[peer], mock.port, bare=peer in OURS) as server:
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
