"""Sends many requests, aborts a fifth of them, and measures the process's resources in between and at the end.

`python -m tests.torture.soak` (`make soak`) sends 10,000 to each backend and writes docs/soak.svg and docs/soak.md.
"""

import asyncio
import importlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..baking.baking import VARIANTS, bake
from ..template_path import TEMPLATE, contract_tests
from .raw_inputs import request

processes = contract_tests("processes")
question = importlib.import_module("competitor.checks.target").question  # template_path has made it importable

AT_ONCE, BATCH, SEED = 40, 500, 9
# Idle connections to the upstream are closed after half a minute.
REST_SECONDS = 32
SCRIPTS = (
    'mock{"tokens": 30}',
    'mock{"tokens": 30, "burst": 10}',
    'mock{"die": 3}',
    'mock{"status": 500, "fail_times": 1}',
)
ENDLESS = 'mock{"endless": true, "delay": 0.01}'


@dataclass(frozen=True)
class Sample:
    """The resources that the idle process uses after `requests` requests."""

    requests: int
    aborted: int
    descriptors: int
    resident_mib: float
    tasks: int


@contextmanager
def watched(project: Path, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Starts the competitor in `project` so that it can report its asyncio tasks. Yields its port and process id."""
    program = Path(__file__).parent / "watched.py"
    with processes.competitor(environment, str(program), cwd=project) as (url, pid):
        yield int(url.rpartition(":")[2]), pid


async def soak(port: int, pid: int, count: int, say: Callable[[Sample], None] = lambda sample: None) -> list[Sample]:
    """Sends the requests. Returns a sample after each batch, and a last one after idle connections were closed."""
    chance, samples, aborted = random.Random(SEED), [], 0
    for number in range(BATCH, count + 1, BATCH):
        aborts = [chance.random() < 0.2 for _ in range(BATCH)]
        aborted += sum(aborts)
        slots = asyncio.Semaphore(AT_ONCE)
        bodies = [_body(chance, leaves=leaves) for leaves in aborts]
        await asyncio.gather(
            *(_one(port, body, slots, leaves=leaves) for body, leaves in zip(bodies, aborts, strict=True))
        )
        await asyncio.sleep(1.5)
        samples.append(await _sample(port, pid, number, aborted))
        say(samples[-1])
    await asyncio.sleep(REST_SECONDS)
    await _one(
        port, json.dumps(question()).encode(), asyncio.Semaphore(1), leaves=False
    )  # the pool closes idle connections only when it is used
    samples.append(await _sample(port, pid, count, aborted))
    say(samples[-1])
    return samples


def _body(chance: random.Random, *, leaves: bool) -> bytes:
    script = ENDLESS if leaves else chance.choice(SCRIPTS)
    return json.dumps(question(script, stream=leaves or chance.random() < 0.8)).encode()


async def _one(port: int, body: bytes, slots: asyncio.Semaphore, *, leaves: bool) -> None:
    async with slots:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request(body, "connection: close"))
            if leaves:
                await reader.readuntil(b"tok2")
                writer.transport.abort()
            else:
                received = await reader.read()
                assert received.startswith(b"HTTP/1.1 200 "), received[:200]
                assert b"finish_reason" in received
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def _sample(port: int, pid: int, number: int, aborted: int) -> Sample:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(json.dumps(question("tasks?")).encode(), "connection: close"))
    said = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
    writer.close()
    await writer.wait_closed()
    return Sample(number, aborted, *_held(pid), tasks=int(said["choices"][0]["message"]["content"]))


def _held(pid: int) -> tuple[int, float]:
    """The number of open descriptors, and the resident memory in MiB."""
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), round(resident, 1)


def returned(samples: list[Sample]) -> list[str]:
    """A sentence for each figure that did not return to its value after the first batch; empty if all did."""
    first, last = samples[0], samples[-1]
    wrong = []
    if last.descriptors > first.descriptors:
        wrong.append(f"{last.descriptors} open files at the end, {first.descriptors} after the first batch")
    if last.tasks > first.tasks:
        wrong.append(f"{last.tasks} tasks at the end, {first.tasks} after the first batch")
    if last.resident_mib > first.resident_mib + 16:
        wrong.append(f"{last.resident_mib} MiB at the end, {first.resident_mib} after the first batch")
    return wrong


def plot(found: dict[str, list[Sample]], goal: Path) -> None:
    """Draws three panels that share one x-axis, the number of requests, in the style of the benchmark's plots."""
    import matplotlib.pyplot as plt

    from benchmarks.plots import LINES, MARKS, STYLE

    labels = {"descriptors": "descriptors", "tasks": "tasks", "resident_mib": "resident memory, MiB"}
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(3, 1, figsize=(8, 6.5), sharex=True, layout="constrained")
        for panel, (name, label) in zip(panels, labels.items(), strict=True):
            for (backend, samples), color, mark in zip(found.items(), LINES, MARKS, strict=False):
                at = [sample.requests for sample in samples]
                held = [getattr(sample, name) for sample in samples]
                panel.plot(at, held, marker=mark, markersize=4, color=color, label=backend)
            panel.set(ylabel=label, ylim=(0, None))
            panel.grid(visible=True)
        panels[0].legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
        panels[-1].set_xlabel("requests so far, a fifth of them aborted")
        figure.savefig(goal, transparent=True, metadata={"Date": None})


def report(found: dict[str, list[Sample]], seconds: float) -> str:
    """The text of docs/soak.md."""
    count = found[next(iter(found))][-1].requests
    lines = [
        "# Soak: what remains after many requests",
        "",
        f"`make soak` sends each backend {count:,} requests, {AT_ONCE} at a time, with and without streaming. The",
        "upstream sometimes dies or refuses, and the client aborts a fifth of the answers in the middle. After every",
        f"{BATCH} requests, the test waits briefly and measures the server process. The last measurement is",
        f"{REST_SECONDS} s later, after idle connections were closed. The run took {seconds / 60:.0f} minutes on",
        f"{os.cpu_count()} cores, which other programs used as well.",
        "",
        "![Descriptors, tasks and memory over the requests](soak.svg)",
        "",
        "| Backend | Requests | Aborted | Descriptors, first and last | Tasks | Resident memory, MiB | Returned |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for backend, samples in found.items():
        one, last = samples[0], samples[-1]
        held = "; ".join(returned(samples)) or "all"
        pairs = " | ".join(
            f"{getattr(one, name)}, {getattr(last, name)}" for name in ("descriptors", "tasks", "resident_mib")
        )
        lines.append(f"| *{backend}* | {last.requests:,} | {last.aborted:,} | {pairs} | {held} |")
    return "\n".join([*lines, ""])


def main(count: int = 10_000) -> int:
    from competitor.checks.orphans import kill_orphans  # template_path has made it importable

    kill_orphans()
    found: dict[str, list[Sample]] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, processes.mock_upstream() as upstream:
        for backend in VARIANTS:
            folder = Path(scratch) / backend
            folder.mkdir()
            project = bake(folder, Path(scratch), {"backend": backend})
            print(f"{backend}: {count:,} requests, a fifth aborted", flush=True)
            environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_PACING": "off"}
            with watched(project, environment) as (port, pid):
                found[backend] = asyncio.run(soak(port, pid, count, lambda sample: print(f"  {sample}", flush=True)))
    plot(found, TEMPLATE / "docs" / "soak.svg")
    (TEMPLATE / "docs" / "soak.md").write_text(report(found, time.monotonic() - began), encoding="utf-8")
    wrong = {backend: returned(samples) for backend, samples in found.items() if returned(samples)}
    print(wrong or "Descriptors, tasks and memory returned to their first values.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*(int(given) for given in sys.argv[1:])))
