"""`python -m benchmarks.console`: what the debug console costs while it is off, and what it keeps while it is open.

Off, it is measured against a build without it: the same bake, with every line of the console's taken out.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import environments, load, machine
from .environments import BUILD
from .lineup import PEERS, competitor
from .load import Load
from .progress import Progress
from .runs import WARM_UP
from .servers import Mock, Peer, Server

# One token a request: what the console could cost is a request's, not a token's.
REQUESTS = Load("mock-n1", streams=4, requests=120)
KEPT = Load("mock-n50-d2", streams=20, requests=1000)
WARMING = Load("mock-n50-d2", streams=20, requests=300)
SETTLE_SECONDS = 4.0
# A pair is so many short turns of each build, which alternate; what disturbs the machine for a second disturbs both,
# and their medians leave it out.
TURNS = 14
# Two-sided 95 % of Student's t, for 2 to 40 pairs.
_T = {2: 12.71, 5: 2.776, 10: 2.262, 20: 2.093, 30: 2.045, 40: 2.023}
MOST_SHARE, MOST_KEPT_MIB = 0.02, 5.0

# The console's lines in the core: a pattern, and what stands there in a build without it.
WITHOUT = {
    "app.py": (
        (r"from \.console import .*\n", ""),
        (r" +console = _console\(.*\)\n", ""),
        (r" +console=console,\n", ""),
        (r" +if console is not None:\n +\S.*\n", ""),
        (r"\n\ndef _console\((?:.|\n)*?\n(?=\n\n|\Z)", ""),
    ),
    "completions.py": (
        (r"from \.console import .*\n", ""),
        (r" +console: Console \| None = None\n", ""),
        (r" +self\.recorder = .*\n +if self\.recorder is not None:\n +self\.observer = .*\n", ""),
        (r"\n +def close\(self\) -> None:\n +\"\"\"However it ended\.\"\"\"\n(?: +.*recorder.*\n)+", ""),
        (r"( +)try:\n +(.*)\n +finally:\n +(?:self\._)?work\.close\(\)\n", r"\1\2\n"),
        (r" +if self\._shared\.console is not None:\n +\S.*\n", ""),
        (r" +if work\.recorder is not None:\n +\S.*\n", ""),
        (r"BodyWriter\(send\) if work\.recorder is None else .*\n", "BodyWriter(send)\n"),
    ),
}


def without_console(project: Path) -> Path:
    """A copy of a bake with no console in it. Fails where a line of the console's is not where it is looked for."""
    goal = project.with_name(f"{project.name}-without")
    shutil.rmtree(goal, ignore_errors=True)
    shutil.copytree(project, goal)
    core = goal / "competitor" / "core"
    shutil.rmtree(core / "console")
    for name, edits in WITHOUT.items():
        text = (core / name).read_text(encoding="utf-8")
        for pattern, instead in edits:
            text, found = re.subn(pattern, instead, text)
            if not found:
                raise environments.Missing(f"core/{name} has no line like {pattern!r}: mend benchmarks/console.py")
        if left := re.findall(r".*\b(?:console|recorder|Recorded\w+)\b.*", text):
            raise environments.Missing(f"core/{name} still has {left[0].strip()!r}: mend benchmarks/console.py")
        (core / name).write_text(text, encoding="utf-8")
    return goal


def interval(ratios: Sequence[float]) -> tuple[float, float, float]:
    """The mean, and the bounds of its 95 % interval."""
    mean = statistics.fmean(ratios)
    t = _T[max(count for count in _T if count <= len(ratios))]
    half = t * statistics.stdev(ratios) / len(ratios) ** 0.5
    return mean, mean - half, mean + half


def off(pairs: int) -> list[float]:
    """CPU a request with the console off, over that of a build without it; one ratio a pair."""
    python = environments.python_of("variant-proxy", environments.bake("proxy") / "requirements.txt")
    project = environments.bake("proxy")
    bare, settings = without_console(project), PEERS["relay"].environment
    peers = {
        "off": Peer("off", "console off", competitor(lambda: (python, project)), settings),
        "without": Peer("without", "no console", competitor(lambda: (python, bare)), settings),
    }
    progress, ratios = Progress("console off", pairs), []
    with Mock() as mock, contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Server(peer, mock.port)) for name, peer in peers.items()}
        for server in servers.values():
            load.run(server.url, WARM_UP)
            for _ in range(TURNS):
                _turn(server)
        for pair in range(pairs):
            progress.step(f"pair {pair + 1}")
            cost: dict[str, list[float]] = {name: [] for name in peers}
            for turn in range(TURNS):
                for name in ("off", "without") if turn % 2 else ("without", "off"):
                    cost[name].append(_turn(servers[name]))
            ratios.append(statistics.median(cost["off"]) / statistics.median(cost["without"]))
    return ratios


def _turn(server: Server) -> float:
    """CPU of one request, in seconds."""
    before = server.cpu()
    results = load.run(server.url, REQUESTS)
    time.sleep(0.02)
    if wrong := [result.wrong for result in results if result.wrong]:
        raise environments.Missing(f"an answer of {server.peer.name} was wrong: {wrong[0]}")
    return (server.cpu() - before) / len(results)


def kept() -> list[float]:
    """MiB more than before, after each of three times 1,000 requests with the console on and open."""
    relay = PEERS["relay"]
    on = Peer("on", "console on", relay.command, {**relay.environment, "JANUS_DEBUG": "true"})
    more = []
    with Mock() as mock, Server(on, mock.port) as server, _open(server.port):
        asyncio.run(load.drive(server.url, WARMING))
        time.sleep(SETTLE_SECONDS)
        before = server.memory_kib()
        for _ in range(3):
            asyncio.run(load.drive(server.url, KEPT))
            time.sleep(SETTLE_SECONDS)
            more.append((server.memory_kib() - before) / 1024)
    return more


@contextlib.contextmanager
def _open(port: int) -> Iterator[None]:
    """Somebody has the page open: it looks for new requests every two seconds, and opens the newest."""
    over = threading.Event()

    def got(path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
            found: bytes = reply.read()
            return found

    def look() -> None:
        while not over.wait(2.0):
            for head in json.loads(got("/debug/requests"))["requests"][:1]:
                got(f"/debug/requests/{head['number']}")

    got("/debug")
    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        over.set()
        looking.join()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20, help="interleaved pairs (default: %(default)s)")
    given = parser.parse_args()
    os.sched_setaffinity(0, machine.OTHER_CORES)
    try:
        more, ratios = kept(), off(given.pairs)
    except environments.Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    mean, low, high = interval(ratios)
    result = {"machine": machine.described(), "kept_mib": more, "ratios": ratios, "interval": [mean, low, high]}
    (BUILD / "console.json").write_text(json.dumps(result, indent=1))
    print("\n| What | Measured | Goal | |\n| --- | --- | --- | --- |")
    rows = (
        (
            "memory after 1,000, 2,000 and 3,000 requests with the console open",
            ", ".join(f"{mib:+.1f}" for mib in more) + " MiB",
            f"within {MOST_KEPT_MIB:g} MiB",
            max(more) <= MOST_KEPT_MIB,
        ),
        (
            f"console off over no console, CPU a request, {len(ratios)} pairs",
            f"{mean:.4f} ({low:.4f} to {high:.4f}, 95 %)",
            f"within {MOST_SHARE:.0%}",
            max(abs(low - 1), abs(high - 1)) <= MOST_SHARE,
        ),
    )
    for what, figure, goal, met in rows:
        print(f"| {what} | {figure} | {goal} | {'met' if met else 'MISSED'} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
