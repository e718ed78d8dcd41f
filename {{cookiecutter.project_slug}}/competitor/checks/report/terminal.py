"""Output for the terminal: progress during a run, and the table of verdicts.
Contract file: replaced by updates.

On a terminal, `rich` draws a progress bar. It is a development dependency, so the image does not have it. Without
`rich`, or if the output goes to a file or a pipe, no progress is shown.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest

from .. import CLAUSES, NOT_FROM_OUTSIDE
from ..figures import as_lines
from ..judging import LATE, Heading, Status
from ..requirements import required
from .records import Record

_COUNTED: dict[Status, str] = {"holds": "ok", "broken": "broken", "not shown": "not shown"}
_MARKS: dict[Status, str] = {"holds": "ok", "broken": "BROKEN", "not shown": "-", "fault": "FAULT"}


def say(text: str) -> None:
    """Prints a text. Control characters, which a server may send, are printed as question marks."""
    safe = "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(safe.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yields a function that advances the progress bar towards `total`, and shows a few words beside it."""
    if not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
        yield lambda words: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda words: bar.update(task, advance=1, description=words)


def catalogue(contract: str) -> str:
    """Lists all clauses of a version of the contract, each with its cases, for the option `--list`."""
    cases = required(contract)
    clauses = dict.fromkeys(case.clause.id for case in cases)
    lines = [f"Contract {contract}: {len(clauses)} clauses with {len(cases)} cases"]
    for clause in map(CLAUSES.get, clauses):
        assert clause is not None
        lines.append(f"  {clause.id:<4} {clause.severity:<7} {clause.title}")
        lines += [f"       {case.id:<7} {case.title}" for case in cases if case.clause is clause]
    lines += [f"  {name:<4} cannot be checked over HTTP: {reason}" for name, reason in NOT_FROM_OUTSIDE.items()]
    return "".join(f"{line}\n" for line in lines)


def table(record: Record) -> str:
    """Lists the clauses, and under each the cases that are broken or have a fault, with the reason and the remedy.

    The cases that were not shown follow, with the reasons.
    """
    return "".join(f"{line}\n" for clause in record.clauses for line in _rows(clause, record.known))


def _rows(heading: Heading, known: frozenset[str]) -> list[str]:
    clause = heading.clause
    mark = "missed" if heading.status == "broken" and not heading.breaks else _MARKS[heading.status]
    if heading.breaks and all(verdict.case.id in known for verdict in heading.verdicts if verdict.breaks):
        mark = "known"
    held, count = len(heading.having("holds")), len(heading.verdicts)
    rows = [f"  {mark:<7} {clause.id:<4} {clause.severity:<7} {f'{held}/{count}':<6} {clause.title}"]
    indent = " " * 23
    broken = heading.having("broken")
    for verdict, following in zip_longest(broken, broken[1:]):
        rows += [f"{indent}{verdict.case.id} {verdict.case.title}", f"{indent}   {verdict.reason}"]
        if following is None or following.case.remedy != verdict.case.remedy:
            rows.append(f"{indent}   -> {verdict.case.remedy}")
    rows += [f"{indent}{verdict.case.id} {verdict.reason}" for verdict in heading.having("fault")]
    unseen: dict[str, list[str]] = {}
    for verdict in heading.having("not shown"):
        unseen.setdefault(verdict.reason, []).append(verdict.case.id)
    rows += [f"{indent}{', '.join(ids)} not shown: {reason}" for reason, ids in unseen.items()]
    return rows


def closing(record: Record) -> str:
    """The last lines of the output: the estimated benchmark scores, and a summary of the verdicts."""
    broken = sum(clause.breaks for clause in record.clauses)
    missed = record.count("broken") - broken
    word = "complies with" if record.complies else "does not comply with"
    if not record.is_whole and not record.broken:
        word = f"was checked by {_number(len(record.verdicts), 'case')} of"
    if record.stopped:
        word = "was being checked against"
    clauses = f"{record.count('holds')} ok, {broken} broken, {missed} missed, {record.count('not shown')} not shown"
    cases = ", ".join(f"{len(record.having(status))} {said}" for status, said in _COUNTED.items())
    figures = f"\nAs the benchmark would score it:\n{as_lines(record.figures)}" if record.figures else ""
    return (
        f"{figures}\n{record.url} {word} contract {record.contract}. Clauses: {clauses}; cases: {cases} "
        f"({record.seconds:.0f} s).{''.join(f' {each}' for each in _notes(record))}\n"
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _notes(record: Record) -> list[str]:
    """Further sentences about a run: a stop, a baseline, faults of the checks, and a late machine."""
    known = [verdict.case.id for verdict in record.broken if verdict.case.id in record.known]
    late = sum(verdict.reason.startswith(LATE) for verdict in record.having("not shown"))
    first = next((verdict.case.id for verdict in (*record.broken, *record.having("broken"))), "")
    notes = {
        "The run was stopped before its end.": record.stopped,
        f"`--explain {first}` shows what is right there, and what is wrong.": first,
        f"Known: {', '.join(known)}.": known,
        f"The baseline lists {', '.join(record.stale)}, which hold: remove the lines.": record.stale,
        f"Checks with a fault: {len(record.having('fault'))}. Please report it.": record.having("fault"),
        f"This machine was too late to judge {_number(late, 'case')}: run the check while it is less busy.": late,
    }
    return [note for note, holds in notes.items() if holds]
