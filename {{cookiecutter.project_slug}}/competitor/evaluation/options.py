"""The options of `competitor eval`, and what they mean."""
# Contract file: replaced by updates.

import argparse
import re
import sys
from pathlib import Path

from ..checks.commands.options import DEFAULT_URL, add_access_options
from .kinds import KINDS
from .minds import MINDS, mind
from .record import Unusable
from .running import Budget

SUBSET, CONCURRENCY, TIMEOUT_SECONDS = 10, 8, 120.0
MAX_SUBSET, MAX_CONCURRENCY = 2_000, 64
EPILOG = """\
exit codes:
  0    the run is finished; with compare: better, or no difference
  1    with compare: worse
  2    nothing was evaluated: no server answers, it did not start, or an option or a file is wrong
  3    the run ended before its end: the server or the budget is gone; what was done is kept
  130  stopped by Ctrl-C; the same command continues

variables:
  JANUS_JUDGE_URL, JANUS_JUDGE_MODEL, JANUS_JUDGE_KEY   a model that grades long texts (default: their length counts)
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `competitor eval`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    add = parser.add_argument
    add(
        "what",
        nargs="*",
        metavar="URL",
        help=f"the server (default: {DEFAULT_URL}); or: compare BEFORE.json AFTER.json",
    )
    add("--start", metavar="COMMAND", help="start the server with this command; {port} is replaced by the port")
    add(
        "--mind", metavar="NAME", help="put a scripted mind behind the started server: perfect, forgetful, ... (--list)"
    )
    add("--mind-seed", type=int, default=0, metavar="N", help="which tasks a flawed mind fails (0)")
    add("--subset", type=int, default=SUBSET, metavar="N", help=f"number of tasks of each kind ({SUBSET})")
    add("--seed", type=int, default=1, metavar="N", help="which tasks are made (1); the same seed makes the same tasks")
    add("--kind", metavar="NAMES", help="only these kinds of tasks, comma-separated (--list shows all)")
    add("--skip", metavar="NAMES", help="not these kinds of tasks: stream, whose long texts take time")
    add("--concurrency", type=int, default=CONCURRENCY, metavar="N", help=f"tasks at the same time ({CONCURRENCY})")
    add("--budget", metavar="AMOUNT", help="the largest cost: 200000 (tokens), 0.50usd (with --price), or none")
    add("--price", metavar="IN/OUT", help="USD for a million tokens that the model reads and writes: 0.08/0.24")
    add(
        "--json",
        type=Path,
        default=Path("eval.json"),
        metavar="FILE",
        help="write the results to this file (eval.json)",
    )
    add("--html", type=Path, metavar="FILE", help="write a report to look at to this file")
    add("--fresh", action="store_true", help="do not continue a run that was stopped")
    add("--services-port", type=int, default=0, metavar="PORT", help="serve the search and image services on this port")
    add("--list", action="store_true", help="print the kinds of tasks and the scripted minds, and exit")
    add_access_options(parser, TIMEOUT_SECONDS)


def kinds(only: str | None, skip: str | None) -> tuple[str, ...]:
    """The kinds of tasks that the options name. Raises `Unusable`."""
    wanted, unwanted = _names(only), _names(skip)
    if unknown := [name for name in wanted + unwanted if name not in KINDS]:
        raise Unusable(f"There is no kind of task {unknown[0]}; --list shows all of them")
    found = tuple(name for name in KINDS if name in (wanted or KINDS) and name not in unwanted)
    if not found:
        raise Unusable("No kind of task is left")
    return found


def _names(given: str | None) -> list[str]:
    return [name.strip() for name in (given or "").split(",") if name.strip()]


def budget(amount: str | None, price: str | None) -> Budget | None:
    """The budget that the options name; None without `--budget`. Raises `Unusable`."""
    if amount is None:
        return None
    if amount == "none":
        return Budget()
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(usd|USD)?", amount)
    if not found or not float(found[1]):
        raise Unusable(f"--budget {amount!r} is no budget; one looks like 200000, 0.50usd or none")
    if not found[2]:
        return Budget(float(found[1]))
    prices = re.fullmatch(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)", price or "")
    if not prices or not float(prices[1]) + float(prices[2]):
        raise Unusable("A budget in USD needs the prices of a million tokens: --price 0.08/0.24")
    return Budget(float(found[1]), float(prices[1]), float(prices[2]), in_usd=True)


def asked_for() -> Budget:
    """Asks for a budget, since the model may cost money. Raises `Unusable` if nobody can be asked."""
    if not sys.stdin.isatty():
        raise Unusable("The model of this server may cost money: set a limit with --budget 200000, or --budget none")
    told = input("The model of this server may cost money. Largest number of tokens (200000), or none: ").strip()
    found = budget(told or "200000", None)
    assert found is not None  # noqa: S101 - an amount was given
    return found


def check(given: argparse.Namespace) -> None:
    """Raises `Unusable` for options that make no sense, and for an unknown mind."""
    if len(given.what) > 1:
        raise Unusable("One URL is needed, or: compare BEFORE.json AFTER.json")
    for name, value, most in (
        ("--subset", given.subset, MAX_SUBSET),
        ("--concurrency", given.concurrency, MAX_CONCURRENCY),
    ):
        if not 1 <= value <= most:
            raise Unusable(f"{name} must be between 1 and {most}")
    if given.mind is not None:
        try:
            mind(given.mind)
        except KeyError:
            raise Unusable(f"There is no mind {given.mind}; there are {', '.join(MINDS)} and weak:PERCENT") from None
        if not given.start:
            raise Unusable("--mind needs a server that is started here: --here, or --start COMMAND")


def listed() -> str:
    """The kinds of tasks and the minds, as text."""
    lines = ["Kinds of tasks:", *(f"  {name:<10} {kind.about}" for name, kind in KINDS.items())]
    lines += ["", "Scripted minds:", *(f"  {name:<10} {of.about}" for name, of in MINDS.items())]
    return "".join(f"{line}\n" for line in [*lines, "  weak:20    fails 20 percent of all tasks"])
