"""`competitor workshop`: the scoreboard. Drawn by rich on a terminal; plain lines in files and pipes."""
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
from .steps import STEPS, NotDone, Place, Step


@dataclass(frozen=True)
class Score:
    step: Step
    done: bool
    said: str


def workshop(given: argparse.Namespace, root: Path, serve: str) -> int:
    """0 for the whole board, however far it is; for one step by its number, whether that is done."""
    wanted = [step for step in STEPS if given.step in (None, step.number)]
    if not wanted:
        say(f"There is no step {given.step}; they are 1 to {len(STEPS)}.\n")
        return 2
    with closing(Place(root, given.url.rstrip("/"), serve)) as place:
        scores = [scored(step, place) for step in wanted]
    if given.json:
        rows = [{"step": s.step.number, "title": s.step.title, "done": s.done, "said": s.said} for s in scores]
        say(json.dumps(rows, indent=2) + "\n")
    elif sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        _draw(scores)
    else:
        say(board(scores))
    return 0 if given.step is None or scores[0].done else 1


def scored(step: Step, place: Place) -> Score:
    try:
        return Score(step, True, step.check(place))
    except (NotDone, Failed) as reason:
        return Score(step, False, str(reason))
    except (OSError, LookupError, TypeError, ValueError) as error:  # whatever a half-changed backend sends
        return Score(step, False, f"what came could not be read ({type(error).__name__}: {error})"[:200])


def board(scores: Sequence[Score]) -> str:
    """All steps in plain lines; only of the first that is open is said what is missing."""
    lines = [
        f"  {_mark(score, scores):<5} {score.step.number}  {score.step.title:<17} {_said(score, scores)}"
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
        cells = (_mark(score, scores), str(score.step.number), score.step.title, _said(score, scores))
        table.add_row(*(Text(cell, style) for cell in cells))
    console = Console()
    console.print(table)
    console.print(Text(_count(scores), "bold"))


def _mark(score: Score, scores: Sequence[Score]) -> str:
    return "done" if score.done else "->" if _is_next(score, scores) else "-"


def _said(score: Score, scores: Sequence[Score]) -> str:
    return score.said if score.done or _is_next(score, scores) else ""


def _is_next(score: Score, scores: Sequence[Score]) -> bool:
    return next((each for each in scores if not each.done), None) is score


def _count(scores: Sequence[Score]) -> str:
    done = sum(score.done for score in scores)
    return f"{done} of {len(scores)} {'step' if len(scores) == 1 else 'steps'} done"
