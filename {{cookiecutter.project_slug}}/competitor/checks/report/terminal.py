"""Output for the terminal: progress while the checks run, and the table of verdicts.
Contract file: replaced by updates.

On a terminal, `rich` draws a progress bar. It is a development dependency, so the image does not have it. Without
`rich`, or if the output goes to a file or a pipe, no progress is shown.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .. import CLAUSES, CONTRACT_VERSION, NOT_FROM_OUTSIDE
from ..figures import as_lines
from ..judging import Verdict
from .records import Record

_MARKS = {"pass": "ok", "fail": "BROKEN", "not shown": "-"}


def say(text: str) -> None:
    """Prints a text. Control characters, which a server may send, are printed as question marks."""
    safe = "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(safe.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


@contextmanager
def progress(total: int) -> Iterator[Callable[[Verdict], None]]:
    """Yields a function that is called with each verdict and advances the progress bar towards `total`."""
    if not sys.stdout.isatty() or importlib.util.find_spec("rich") is None:
        yield lambda verdict: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda verdict: bar.update(task, advance=1, description=f"{verdict.clause.id} {verdict.status}")


def catalogue() -> str:
    """Lists all clauses as a table, for the option `--list`."""
    rows: list[tuple[str, str, str]] = [(clause.id, clause.severity, clause.title) for clause in CLAUSES.values()]
    rows += [(name, "", f"cannot be checked over HTTP: {reason}") for name, reason in NOT_FROM_OUTSIDE.items()]
    return f"Contract {CONTRACT_VERSION}\n" + "".join(f"  {name:<4} {need:<7} {title}\n" for name, need, title in rows)


def table(record: Record) -> str:
    """Lists the verdicts, with the reason and the remedy of each clause that fails."""
    lines = [line for verdict in record.verdicts for line in _rows(verdict)]
    return "".join(f"{line}\n" for line in lines)


def _rows(verdict: Verdict) -> list[str]:
    clause = verdict.clause
    mark = "missed" if verdict.status == "fail" and clause.severity == "should" else _MARKS[verdict.status]
    rows = [f"  {mark:<7} {clause.id:<4} {clause.severity:<7} {clause.title}"]
    indent = " " * 23
    if verdict.reason:
        rows.append(f"{indent}{verdict.reason}")
    if verdict.status == "fail":
        rows.append(f"{indent}-> {clause.remedy}")
    return rows


def closing(record: Record) -> str:
    """The last lines of the output: the estimated benchmark scores, and a summary of the verdicts."""
    broken: Sequence[Verdict] = [verdict for verdict in record.verdicts if verdict.breaks]
    missed = record.count("fail") - len(broken)
    word = "complies" if record.complies else "does not comply"
    counts = f"{record.count('pass')} clauses hold, {len(broken)} are broken, {missed} recommendations are missed"
    figures = f"\nAs the benchmark would score it:\n{as_lines(record.figures)}" if record.figures else ""
    return (
        f"{figures}\n{record.url} {word} with contract {CONTRACT_VERSION}: "
        f"{counts}, {record.count('not shown')} could not be checked ({record.seconds:.0f} s).\n"
    )
