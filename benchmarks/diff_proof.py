"""`python -m benchmarks.diff_proof`: shows by trials which differences `benchmarks.diff` can detect.

Each trial compares this checkout with a copy of itself, and with copies that are 5 % slower. In the slower copies, a
busy loop is added to the hot path. It runs for each chunk; in the scenario "one token per request", it runs for each
request. A trial has fewer blocks than a comparison, so it detects less. The exit code is 0 if, in each
scenario, 9 of 10 trials show no difference between equal copies, and 9 of 10 show the slowdown.
"""

import argparse
import math
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import environments, machine, report
from .diff import AT_LEAST, BAKES, DEFAULT
from .environments import Missing
from .intervals import Interval
from .lineup import PEERS, competitor
from .pairs import BURSTS, MIN_BLOCKS, Pair, compare, verdict
from .servers import Peer
from .slowdown import A_CHUNK, A_REQUEST, slow_down

TRIAL_BLOCKS = 12
SLOWER = 0.05
WANTED = 0.9
# The loop is first measured at twice its final length, because a larger slowdown can be measured better. A longer loop
# would not do: at full rate, a slower server reads more tokens at once, so a long loop costs less than expected.
OVERSIZE, SIZING_BLOCKS = 2, 16
GUESSED_SECONDS_PER_TURN = 10e-9


@dataclass
class Found:
    """The intervals of all trials in one scenario."""

    equal: list[Interval] = field(default_factory=list)
    slower: list[Interval] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.diff_proof", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--trials", type=int, default=10, help="number of trials, each about 4 minutes (default: %(default)s)"
    )
    parser.add_argument("--only", default=",".join(DEFAULT), help="scenarios, comma-separated (default: %(default)s)")
    parser.add_argument(
        "--blocks", type=int, default=TRIAL_BLOCKS, help="number of blocks per trial (default: %(default)s)"
    )
    given = parser.parse_args()
    scenarios = given.only.split(",")
    if unknown := [name for name in scenarios if name not in BURSTS]:
        parser.error(f"there is no scenario {', '.join(unknown)}; choose from {', '.join(BURSTS)}")
    machine.leave_the_servers_core()
    try:
        found = trials(scenarios, given.trials, max(MIN_BLOCKS, given.blocks))
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    return _publish(found, given.trials)


def trials(scenarios: Sequence[str], count: int, blocks: int) -> dict[str, Found]:
    """Runs the trials, and prints the verdicts of each on stderr."""
    builds = _Builds()
    plain, equal = builds.copy("plain"), builds.copy("equal")
    copies = [Pair(scenario, equal, plain) for scenario in scenarios]
    slowed = builds.slowed(copies)
    found = {scenario: Found() for scenario in scenarios}
    for trial in range(1, count + 1):
        costs = compare([*copies, *slowed], blocks, what=f"trial {trial} of {count}")
        ratios = [cost.ratio(len(scenarios)) for cost in costs]
        for scenario, same, slow in zip(scenarios, ratios, ratios[len(scenarios) :], strict=False):
            found[scenario].equal.append(same)
            found[scenario].slower.append(slow)
            print(f"  {scenario}: equal copy {verdict(same)}; slowed copy {verdict(slow)}", file=sys.stderr, flush=True)
    return found


class _Builds:
    """Copies of one baked repo. All names have the same length, for the reason given in `diff.peer`."""

    def __init__(self) -> None:
        self.project = environments.bake("proxy", BAKES / "proof")
        self.python = environments.python_of("diff-proof", self.project / "requirements.txt")

    def copy(self, name: str, scenario: str = "", turns: int = 0) -> Peer:
        """Makes a copy and returns it as a server. With a scenario, a loop of `turns` iterations slows it down."""
        goal = self.project.with_name(name)
        shutil.rmtree(goal, ignore_errors=True)
        shutil.copytree(self.project, goal)
        if scenario:
            slow_down(goal, A_REQUEST if scenario == "one" else A_CHUNK, turns)
        return Peer(name, name, competitor(lambda: (self.python, goal)), PEERS["relay"].environment)

    def slowed(self, copies: Sequence[Pair]) -> list[Pair]:
        """For each pair of equal copies, makes a pair in which one copy is slower by `SLOWER`."""
        costs = compare(copies, MIN_BLOCKS, what="cost of a token")
        turns = [round(OVERSIZE * SLOWER * cost.micros()[1] / 1e6 / GUESSED_SECONDS_PER_TURN) for cost in costs]
        measured = compare(self._with_loops(copies, turns), SIZING_BLOCKS, what="size of the loop")
        for number, (pair, cost) in enumerate(zip(copies, measured, strict=True)):
            slowdown = max(SLOWER, 1 / cost.ratio(1).mean - 1)
            turns[number] = round(turns[number] * SLOWER / slowdown)
            print(f"  {pair.scenario}: a loop of {turns[number]} iterations", file=sys.stderr, flush=True)
        return self._with_loops(copies, turns)

    def _with_loops(self, copies: Sequence[Pair], turns: Sequence[int]) -> list[Pair]:
        return [
            Pair(pair.scenario, self.copy(f"slow{number}", pair.scenario, turns[number]), pair.old)
            for number, pair in enumerate(copies)
        ]


def _publish(found: dict[str, Found], count: int) -> int:
    rows = []
    for scenario, of in found.items():
        shown = sum(not one.low <= 1 <= one.high for one in of.equal)
        seen = sum(one.high < 1 for one in of.slower)
        failing = [sum(one.low < AT_LEAST for one in kind) for kind in (of.equal, of.slower)]
        cells = [f"{shown} of {count}", _width(of.equal), f"{failing[0]} of {count}"]
        rows.append([scenario, *cells, f"{seen} of {count}", _width(of.slower), f"{failing[1]} of {count}"])
    below = f"lower end below {AT_LEAST:g}"
    head = ["Scenario", "Equal copy: difference shown", "ratio", below, "Slowed copy: slower shown", "ratio", below]
    print(report.table(head, rows))
    quiet = sum(all(of.equal[n].low <= 1 <= of.equal[n].high for of in found.values()) for n in range(count))
    seen = min(sum(one.high < 1 for one in of.slower) for of in found.values())
    wanted = math.ceil(WANTED * count)
    print(f"\nTrials that show no difference between equal copies: {quiet} of {count} (at least {wanted} needed).")
    print(f"Trials that show a slowdown of {SLOWER:.0%}, in the worst scenario: {seen} of {count} (at least {wanted}).")
    return 0 if min(quiet, seen) >= wanted else 1


def _width(intervals: Sequence[Interval]) -> str:
    """The mean ratio, and half of the mean width of the intervals, as text."""
    half = statistics.fmean((one.high - one.low) / 2 for one in intervals)
    return f"{statistics.fmean(one.mean for one in intervals):.3f} ± {half:.3f}"


if __name__ == "__main__":
    sys.exit(main())
