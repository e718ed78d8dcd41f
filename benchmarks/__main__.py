"""`python -m benchmarks`: measures, prints the tables, writes docs/performance.md and its plots."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from . import environments, machine, report
from .busy import BusyLoops
from .costs import QUICK_LOADS, cost
from .environments import BUILD, ROOT
from .lineup import PEERS
from .runs import DIRECT
from .scenarios import SCENARIOS

RESULTS = BUILD / "results.json"
PAGE = ROOT / "docs" / "performance.md"
QUICK = (DIRECT, "nginx", "relay", "events", "plain-fastapi")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = ", ".join(f"{name} ({scenario.about})" for name, scenario in SCENARIOS.items())
    parser.add_argument("--only", metavar="NAMES", help=f"the scenarios to measure, comma-separated: {known}")
    parser.add_argument("--reps", type=int, help="number of interleaved repetitions (default: 5; with --quick: 2)")
    parser.add_argument(
        "--quick", action="store_true", help="measure only against nginx and plain FastAPI, in under 2 minutes"
    )
    parser.add_argument(
        "--servers", metavar="NAMES", help="with --quick, measure these servers instead (and nginx), comma-separated"
    )
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="run N endless loops on each core meanwhile")
    parser.add_argument("--no-docs", action="store_true", help="only print the tables; do not change docs/")
    parser.add_argument("--report", action="store_true", help="measure nothing; print the tables of the last results")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    chosen = given.only.split(",") if given.only else list(SCENARIOS)
    if unknown := [name for name in chosen if name not in SCENARIOS]:
        parser.error(f"there is no scenario {', '.join(unknown)}; choose from {', '.join(SCENARIOS)}")
    servers = dict.fromkeys(("nginx", *given.servers.split(","))) if given.servers else QUICK
    if unknown := [name for name in servers if name not in PEERS and name != DIRECT]:
        parser.error(f"there is no server {', '.join(unknown)}; choose from {', '.join(PEERS)}")
    machine.leave_the_servers_core()
    try:
        if given.quick:
            with BusyLoops(given.busy):
                scenarios = [name for name in QUICK_LOADS if not given.only or name in chosen]
                return quick(scenarios, tuple(servers), given.reps or 2)
        if not given.report:
            measure(chosen, given.reps or 5, given.busy, keep=bool(given.only))
        return published(docs=not given.no_docs)
    except environments.Missing as missing:
        print(missing, file=sys.stderr)
        return 1


def quick(chosen: Sequence[str], servers: Sequence[str], repetitions: int) -> int:
    """Measures the cost of a token of these servers, and prints the tables."""
    results = {name: cost(name, QUICK_LOADS[name], servers, repetitions) for name in chosen}
    made = report.tables(results)
    for name in ("cost", "micros", "latency"):
        print(f"\n{made[name]}" if name in made else "", end="\n")
    return 0


def measure(chosen: Sequence[str], repetitions: int, busy: int, keep: bool) -> None:
    """Runs the scenarios and saves the results after each. With `keep`, results of other scenarios are kept.

    Results beside `busy` loops a core are a section of their own: `even` becomes `even-busy2`.
    """
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if keep and RESULTS.exists() else {"sections": {}}
    # One description for the page, and one for its part about evenness, which is often measured separately.
    described = {**machine.described(), "repetitions": str(repetitions)}
    kept.update({"machine-even": described} if keep else {"machine": described, "machine-even": described})
    for number, name in enumerate(chosen, 1):
        scenario, began = SCENARIOS[name], time.monotonic()
        print(f"Scenario {number} of {len(chosen)}, {name}: {scenario.about}", file=sys.stderr, flush=True)
        with BusyLoops(busy):
            kept["sections"][f"{name}-busy{busy}" if busy else name] = scenario.run(repetitions)
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(kept))
        print(f"  {name}: {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr, flush=True)


def published(docs: bool) -> int:
    """Prints the tables of the results; with `docs`, also writes them into the page and draws the plots."""
    if not RESULTS.exists():
        raise environments.Missing("There are no results yet: run `make bench`.")
    kept = json.loads(RESULTS.read_text())
    made = report.tables(kept["sections"])
    for table in made.values():
        print(f"\n{table}")
    if docs:
        machines = {name: report.machine(kept[name]) for name in ("machine", "machine-even") if name in kept}
        report.write(PAGE, {**made, **machines})
        drawing = [str(environments.peers_python()), "-m", "benchmarks.plots", str(RESULTS), str(PAGE.parent)]
        subprocess.run(drawing, cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
