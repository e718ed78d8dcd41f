"""`python -m benchmarks.console`: the CPU cost of the debug console while it is off, and its memory while it is on.

The CPU cost is compared with that of a build from which every line of the console was removed.
"""

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import statistics
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import environments, load, machine
from .environments import BUILD
from .intervals import interval
from .lineup import PEERS, competitor
from .load import Load
from .progress import Progress
from .runs import WARM_UP
from .servers import Mock, Peer, Server

# One token per request, because the console could cost something per request, but not per token.
REQUESTS = Load("mock-n1", streams=4, requests=120)
KEPT = Load("mock-n50-d2", streams=20, requests=1000)
WARMING = Load("mock-n50-d2", streams=20, requests=300)
SETTLE_SECONDS = 4.0
# In a pair, the two builds alternate for this many short turns each. The cost of a build is that of its fastest quarter
# of turns, because other work on the machine makes a turn slower, never faster.
TURNS = 32
MAX_DIFFERENCE, MAX_KEPT_MIB = 0.02, 5.0  # the first is a share of a request's CPU time

# The console's lines in the core: a pattern, and its replacement in a build without the console.
WITHOUT = {
    "server/app.py": (
        (r"from \.\.console import .*\n", ""),
        (r" +console = _console\(.*\)\n", ""),
        (r" +console=console,\n", ""),
        (r" +if console is not None:\n +\S.*\n", ""),
        (r"\n\ndef _console\((?:.|\n)*?\n(?=\n\n|\Z)", ""),
    ),
    "answer/endpoint.py": (
        (r"from \.\.console import .*\n", ""),
        (r" +console: Console \| None = None\n", ""),
        (r" +self\.recorder = .*\n +if self\.recorder is not None:\n(?: {12,}.*\n){3}", ""),
        (r" +if self\.recorder is not None:\n +self\.recorder\.close\(\)\n", ""),
        (r" +if self\._shared\.console is not None:\n +\S.*\n", ""),
        (r" +if work\.recorder is not None:\n +\S.*\n", ""),
        (r"BodyWriter\(send\) if work\.recorder is None else .*\n", "BodyWriter(send)\n"),
    ),
}


def without_console(project: Path) -> Path:
    """Copies a baked repo and removes the console from the copy.

    Raises `Missing` if a pattern of `WITHOUT` matches no line.
    """
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
                raise environments.Missing(f"core/{name} has no line like {pattern!r}: correct benchmarks/console.py")
        if left := re.findall(r".*\b(?:console|recorder|Recorded\w+)\b.*", text):
            raise environments.Missing(f"core/{name} still has {left[0].strip()!r}: correct benchmarks/console.py")
        (core / name).write_text(text, encoding="utf-8")
    return goal


def off(pairs: int) -> list[float]:
    """CPU per request with the console off, divided by CPU per request without a console; one ratio for each pair."""
    python = environments.python_of("variant-proxy", environments.bake("proxy") / "requirements.txt")
    project = environments.bake("proxy")
    bare, settings = without_console(project), {**PEERS["relay"].environment, "PYTHONHASHSEED": "0"}
    peers = {
        "off": Peer("off", "console off", competitor(lambda: (python, project)), settings),
        "without": Peer("without", "no console", competitor(lambda: (python, bare)), settings),
    }
    progress, ratios = Progress("console off", pairs), []
    with Mock() as mock:
        for pair in range(pairs):
            progress.step(f"pair {pair + 1}")
            cost = _pair([peers["off"], peers["without"]], mock.port)
            ratios.append(cost["off"] / cost["without"])
    return ratios


def _pair(peers: Sequence[Peer], upstream: int) -> dict[str, float]:
    """CPU seconds per request, for each of the two builds.

    Both are restarted for each pair, because a process's memory addresses change its cost by about one percent.
    """
    cost: dict[str, list[float]] = {peer.name: [] for peer in peers}
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(peer, upstream)) for peer in peers]
        for server in servers:
            load.run(server.url, WARM_UP)
            _turn(server)
        for turn in range(TURNS):
            for server in servers if turn % 2 else reversed(servers):
                cost[server.peer.name].append(_turn(server))
    return {name: statistics.fmean(sorted(found)[: TURNS // 4]) for name, found in cost.items()}


def _turn(server: Server) -> float:
    """Sends the requests of one turn. Returns CPU seconds per request."""
    before = server.cpu()
    results = load.run(server.url, REQUESTS)
    time.sleep(0.02)
    if wrong := [result.wrong for result in results if result.wrong]:
        raise environments.Missing(f"an answer of {server.peer.name} was wrong: {wrong[0]}")
    return (server.cpu() - before) / len(results)


def kept() -> list[float]:
    """The growth of memory in MiB after 1,000, 2,000 and 3,000 requests with the console on and open."""
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
    """Acts like an open page of the console: every two seconds, lists the requests and fetches the newest one."""
    closed = threading.Event()

    def got(path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
            found: bytes = reply.read()
            return found

    def look() -> None:
        while not closed.wait(2.0):
            for head in json.loads(got("/debug/requests"))["requests"][:1]:
                with contextlib.suppress(urllib.error.HTTPError):  # newer requests may have evicted it
                    got(f"/debug/requests/{head['number']}")

    got("/debug")
    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield
    finally:
        closed.set()
        looking.join()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20, help="number of interleaved pairs (default: %(default)s)")
    given = parser.parse_args()
    machine.leave_the_servers_core()
    try:
        more, ratios = kept(), off(given.pairs)
    except environments.Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    found = interval(ratios)
    mean, low, high = found.mean, found.low, found.high
    result = {"machine": machine.described(), "kept_mib": more, "ratios": ratios, "interval": [mean, low, high]}
    (BUILD / "console.json").write_text(json.dumps(result, indent=1))
    print("\n| What | Measured | Goal | Result |\n| --- | --- | --- | --- |")
    rows = (
        (
            "memory after 1,000, 2,000 and 3,000 requests with the console open",
            ", ".join(f"{mib:+.1f}" for mib in more) + " MiB",
            f"at most {MAX_KEPT_MIB:g} MiB",
            max(more) <= MAX_KEPT_MIB,
        ),
        (
            f"CPU per request: console off, divided by a server without console ({len(ratios)} pairs)",
            f"{mean:.4f} ({low:.4f} to {high:.4f}, 95 %)",
            f"within {MAX_DIFFERENCE:.0%} of 1",
            max(abs(low - 1), abs(high - 1)) <= MAX_DIFFERENCE,
        ),
    )
    for what, figure, goal, met in rows:
        print(f"| {what} | {figure} | {goal} | {'met' if met else 'MISSED'} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
