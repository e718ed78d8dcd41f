"""What a person sees in the terminal: progress while the checks run, and the table of verdicts.
Contract file: replaced by updates.

Progress is drawn by rich where there is a terminal; rich belongs to the tools of development and is not in the
image, so without it, and in files and pipes, there are plain lines.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .. import CLAUSES, CONTRACT_VERSION, NOT_FROM_OUTSIDE
from ..figures import told
from ..judging import Verdict
from .records import Record

_MARKS = {"pass": "ok", "fail": "BROKEN", "not shown": "-"}


def say(text: str) -> None:
    """A server's words may hold anything; what would steer a terminal is shown as a question mark."""
    safe = "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(safe.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


@contextmanager
def progress(total: int) -> Iterator[Callable[[Verdict], None]]:
    """Called with each verdict as it is reached."""
    if not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
        yield lambda verdict: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda verdict: bar.update(task, advance=1, description=f"{verdict.clause.id} {verdict.status}")


def catalogue() -> str:
    """All clauses as a table: `--list`."""
    rows: list[tuple[str, str, str]] = [(clause.id, clause.severity, clause.title) for clause in CLAUSES.values()]
    rows += [(name, "", f"not from outside: {reason}") for name, reason in NOT_FROM_OUTSIDE.items()]
    return f"Contract {CONTRACT_VERSION}\n" + "".join(f"  {name:<4} {need:<7} {title}\n" for name, need, title in rows)


def table(record: Record) -> str:
    """The verdicts; for what fails the reason and the remedy."""
    lines = [line for verdict in record.verdicts for line in _rows(verdict)]
    return "".join(f"{line}\n" for line in lines)


def _rows(verdict: Verdict) -> list[str]:
    clause = verdict.clause
    mark = "missed" if verdict.status == "fail" and clause.severity == "should" else _MARKS[verdict.status]
    rows = [f"  {mark:<7} {clause.id:<4} {clause.severity:<7} {clause.title}"]
    indent = " " * 23
    if verdict.said:
        rows.append(f"{indent}{verdict.said}")
    if verdict.status == "fail":
        rows.append(f"{indent}-> {clause.remedy}")
    return rows


def closing(record: Record) -> str:
    musts: Sequence[Verdict] = [verdict for verdict in record.verdicts if verdict.breaks]
    missed = record.count("fail") - len(musts)
    word = "complies" if record.complies else "does not comply"
    counts = f"{record.count('pass')} hold, {len(musts)} broken, {missed} recommendations missed"
    figures = f"\nAs the benchmark would score it:\n{told(record.figures)}" if record.figures else ""
    return (
        f"{figures}\n{record.url} {word} with contract {CONTRACT_VERSION}: "
        f"{counts}, {record.count('not shown')} not shown, in {record.seconds:.0f} s.\n"
    )
