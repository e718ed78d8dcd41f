"""`competitor workshop`: prints the scoreboard, with colours on a terminal and as plain lines elsewhere."""
# Contract file: replaced by updates.

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..checks import Failed
from ..checks.report.terminal import say
from .steps import STEPS, NotDone, Step, Workspace


@dataclass(frozen=True)
class Score:
    """The result for a step: whether it is done; `said` is what its check found, or what is missing."""

    step: Step
    done: bool
    said: str


def workshop(given: argparse.Namespace, root: Path, serve: str) -> int:
    """Runs the command with its parsed arguments; `serve` is the command that starts the server.

    Returns the exit code. For the whole scoreboard: 0. For a single step: 0 if it is done, 1 if not, 2 if there is no
    such step.
    """
    wanted = [step for step in STEPS if given.step in (None, step.number)]
    if not wanted:
        say(f"There is no step {given.step}; the steps are 1 to {len(STEPS)}.\n")
        return 2
    with closing(Workspace(root, given.url.rstrip("/"), serve)) as workspace:
        scores = [check_step(step, workspace) for step in wanted]
    if given.json:
        rows = [{"step": s.step.number, "title": s.step.title, "done": s.done, "said": s.said} for s in scores]
        say(json.dumps(rows, indent=2) + "\n")
    elif sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        _draw(scores)
    else:
        say(board(scores))
    return 0 if given.step is None or scores[0].done else 1


def check_step(step: Step, workspace: Workspace) -> Score:
    try:
        return Score(step, True, step.check(workspace))
    except (NotDone, Failed) as reason:
        return Score(step, False, str(reason))
    except (OSError, LookupError, TypeError, ValueError) as error:  # an unfinished backend may send anything
        return Score(step, False, f"the answer has an unexpected format ({type(error).__name__}: {error})"[:200])


def board(scores: Sequence[Score]) -> str:
    """Formats the steps as plain lines. Only the next step says what is missing: the first that is not done."""
    lines = [
        f"  {_mark(score, scores):<5} {score.step.number}  {score.step.title:<17} {_message(score, scores)}"
        for score in scores
    ]
    return "\n".join(line.rstrip() for line in (*lines, f"{_count(scores)}")) + "\n"


def _draw(scores: Sequence[Score]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for score in scores:
        style = "green" if score.done else "bold yellow" if _is_next(score, scores) else "dim"
        cells = (_mark(score, scores), str(score.step.number), score.step.title, _message(score, scores))
        table.add_row(*(Text(cell, style) for cell in cells))
    console = Console()
    console.print(table)
    console.print(Text(_count(scores), "bold"))


def _mark(score: Score, scores: Sequence[Score]) -> str:
    return "done" if score.done else "->" if _is_next(score, scores) else "-" if not score.step.optional else "+"


def _message(score: Score, scores: Sequence[Score]) -> str:
    return score.said if score.done or _is_next(score, scores) else ""


def _is_next(score: Score, scores: Sequence[Score]) -> bool:
    return next((each for each in scores if not each.done), None) is score


def _count(scores: Sequence[Score]) -> str:
    needed = [score for score in scores if not score.step.optional] or scores
    done = sum(score.done for score in needed)
    extra = ", and the optional one" if any(score.done and score not in needed for score in scores) else ""
    return f"{done} of {len(needed)} {'step' if len(needed) == 1 else 'steps'} done{extra}"
