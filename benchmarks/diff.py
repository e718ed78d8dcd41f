"""`python -m benchmarks.diff REV`: says whether this checkout is slower than another commit.

It bakes a repo from each commit, with an environment from the repo's lock, and compares the CPU per token. Exit codes:
0 if every interval begins at `--at-least` or above, 1 if one does not, 2 if nothing could be measured.
"""

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import environments, machine, report, revisions
from .environments import BUILD, ROOT, Missing
from .intervals import PROBABILITY, Interval
from .lineup import PEERS, competitor
from .pairs import BLOCKS, BURSTS, MIN_BLOCKS, Costs, Pair, compare, verdict
from .scenarios import SCENARIOS
from .servers import Peer

BAKES = BUILD / "diff"
DEFAULT = ("s50", "full", "one")
AT_LEAST = 0.95
# On a busy machine, fewer blocks are measured in this time, so that three scenarios stay below five minutes.
MAX_SECONDS_PER_SCENARIO = 90.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diff", description=(__doc__ or "").splitlines()[0])
    known = ", ".join(f"{name} ({SCENARIOS[name].about})" for name in BURSTS)
    parser.add_argument("revision", metavar="REV", help="the commit to compare with: a tag, a branch or an id")
    parser.add_argument(
        "--only", default=",".join(DEFAULT), help=f"comma-separated list (default: %(default)s); choose from {known}"
    )
    parser.add_argument("--backend", default="proxy", help="backends, comma-separated (default: %(default)s)")
    parser.add_argument(
        "--at-least",
        type=float,
        default=AT_LEAST,
        metavar="RATIO",
        help="lowest value at which an interval may begin (default: %(default)s)",
    )
    parser.add_argument(
        "--blocks", type=int, help=f"number of blocks to measure (default: {BLOCKS}, fewer if time runs out)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements of each block to this file")
    return parser


@dataclass(frozen=True)
class Comparison:
    """The cost of one backend under one load in both checkouts, and the interval of the ratio."""

    backend: str
    scenario: str
    costs: Costs
    ratio: Interval

    def row(self, at_least: float) -> list[str]:
        micros = " / ".join(report.number(value) for value in self.costs.micros())
        about = f"{self.scenario}: {SCENARIOS[self.scenario].about}"
        good = "yes" if self.ratio.low >= at_least else "**no**"
        return [self.backend, about, f"{self.ratio.mean:.3f}", verdict(self.ratio), micros, good]

    def as_json(self) -> dict[str, Any]:
        ratio = {"ratio": self.ratio.mean, "low": self.ratio.low, "high": self.ratio.high}
        costs = {"this": self.costs.new, "other": self.costs.old}
        about = {"backend": self.backend, "scenario": self.scenario, "verdict": verdict(self.ratio)}
        return {**about, **ratio, "cpu_seconds_per_token": costs}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    scenarios, backends = given.only.split(","), given.backend.split(",")
    if unknown := [name for name in scenarios if name not in BURSTS]:
        parser.error(f"there is no scenario {', '.join(unknown)}; choose from {', '.join(BURSTS)}")
    if given.blocks is not None and given.blocks < MIN_BLOCKS:
        parser.error(f"an interval needs at least {MIN_BLOCKS} blocks")
    began = time.monotonic()
    try:
        commit = revisions.commit_of(given.revision)
        template = revisions.checkout(commit)
        machine.leave_the_servers_core()
        costs = {backend: _measured(backend, scenarios, template, given.blocks) for backend in backends}
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    together = len(scenarios) * len(backends)
    found = [
        Comparison(backend, scenario, cost, cost.ratio(together))
        for backend, of in costs.items()
        for scenario, cost in zip(scenarios, of, strict=True)
    ]
    names = revisions.described(), f"{given.revision} ({commit[:12]})"
    return publish(found, names, given.at_least, time.monotonic() - began, given.json)


def _measured(backend: str, scenarios: Sequence[str], template: Path, blocks: int | None) -> list[Costs]:
    """Measures the cost of a token with this backend in both checkouts, for each scenario."""
    new, old = peer("new", backend, ROOT), peer("old", backend, template)
    seconds = math.inf if blocks else MAX_SECONDS_PER_SCENARIO * len(scenarios)
    return compare([Pair(scenario, new, old) for scenario in scenarios], blocks or BLOCKS, seconds, backend)


def peer(name: str, backend: str, template: Path) -> Peer:
    """Bakes a repo from a checkout, and returns it as a server that runs in an environment from the repo's own lock.

    All names must have the same length, because the length of a process's paths affects its memory addresses, and so
    its CPU time.
    """
    offered = revisions.backends(template)
    if backend not in offered:
        raise Missing(f"There is no backend {backend!r} in {template.name}; choose one of {', '.join(offered)}.")
    project = environments.bake(backend, BAKES / name, template)
    lock = project / "requirements.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    python = environments.python_of(f"diff-{digest}", lock)
    return Peer(name, name, competitor(lambda: (python, project)), PEERS["relay"].environment)


def publish(
    found: Sequence[Comparison], names: tuple[str, str], at_least: float, seconds: float, file: Path | None
) -> int:
    """Prints the table and writes the file. Returns the exit code."""
    passed = all(one.ratio.low >= at_least for one in found)
    blocks = min(len(one.costs.new) for one in found)
    print(f"Tokens per CPU second, {names[0]} divided by {names[1]}:\n")
    head = ["Backend", "Scenario", "Ratio", "Verdict", "µs of CPU per token", f"At least {at_least:g}"]
    print(report.table(head, [one.row(at_least) for one in found]))
    lowest = min(one.ratio.low for one in found)
    print(
        f"\n{blocks} blocks in {seconds / 60:.1f} min. All intervals hold at once, with {PROBABILITY:.0%} probability."
    )
    print(f"{'Passed' if passed else 'Not passed'}: the lowest interval begins at {lowest:.3f}.")
    if file is not None:
        about = {"this": names[0], "other": names[1], "passed": passed, "at_least": at_least, "seconds": seconds}
        kept = {**about, "machine": machine.described(), "comparisons": [one.as_json() for one in found]}
        file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
