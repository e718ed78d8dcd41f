"""`python -m benchmarks.console`: what the debug console costs while it is off, and what it keeps while it is open.

Off, it is measured against a build without it: the same bake, with every line of the console's taken out.
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

# One token a request: what the console could cost is a request's, not a token's.
REQUESTS = Load("mock-n1", streams=4, requests=120)
KEPT = Load("mock-n50-d2", streams=20, requests=1000)
WARMING = Load("mock-n50-d2", streams=20, requests=300)
SETTLE_SECONDS = 4.0
# A pair is so many short turns of each build, which alternate. The quickest quarter of them is what a build costs:
# whatever else the machine does makes a turn slower, never quicker.
TURNS = 32
MOST_SHARE, MOST_KEPT_MIB = 0.02, 5.0

# The console's lines in the core: a pattern, and what stands there in a build without it.
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
        (r" +self\.recorder = .*\n +if self\.recorder is not None:\n +self\.observer = .*\n", ""),
        (r" +if self\.recorder is not None:\n +self\.recorder\.close\(\)\n", ""),
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


def off(pairs: int) -> list[float]:
    """CPU a request with the console off, over that of a build without it; one ratio a pair."""
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
    """CPU of a request with each build. Both are started anew: where a process lies in memory is worth a percent."""
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
                with contextlib.suppress(urllib.error.HTTPError):  # newer ones have pushed it out
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
