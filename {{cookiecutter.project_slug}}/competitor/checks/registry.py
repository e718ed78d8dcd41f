"""The list of clauses. Under each stand its cases: one assertion each, what it looks at, and how to fix a breach."""
# Contract file: replaced by updates.

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from .target import Target

# Yields what a case looks at on a server, each with a few words that tell it from the others (or none).
Source = Callable[[Target], Iterable[tuple[str, Any]]]
Check = Callable[[Any], None]
Severity = Literal["must", "should"]

_PAGES = "https://github.com/org/janus-template/blob/main/docs/clauses"
_SECTIONS = {"E": "1", "R": "2", "W": "3", "S": "4", "U": "5", "A": "6", "N": "7", "X": "8", "P": "9"}


@dataclass(frozen=True)
class Case:
    """One assertion of a clause.

    `source` yields what the case looks at, and `check` gets each of these in turn. `check` returns nothing if the
    assertion holds for it; otherwise it raises `Failed`. A case that got nothing to look at is "not shown". If
    something that the case needs is missing, `source` raises `NotShown`. `exclusive` marks a case that counts the
    requests to the upstream. No other case runs at the same time, so that only its own requests are counted. `timed`
    marks a case that waits for something only for a time: it may fail because this machine is late. `slow` marks a case
    that takes seconds. It begins before the others, so that they run while it waits.
    """

    id: str
    title: str
    severity: Severity
    remedy: str
    source: Source
    check: Check
    exclusive: bool = False
    timed: bool = False
    slow: bool = False

    @property
    def clause(self) -> "Clause":
        return CLAUSES[self.id.partition("/")[0]]


@dataclass(frozen=True)
class Clause:
    """A clause of CONTRACT.md: the heading over its cases."""

    id: str
    title: str
    severity: Severity
    remedy: str
    cases: list[Case] = field(default_factory=list)

    @property
    def cites(self) -> str:
        """Where the clause is in CONTRACT.md: its id and its section."""
        return f"{self.id}, section {_SECTIONS[self.id[0]]}"

    @property
    def page(self) -> str:
        """The address of the page that explains the clause."""
        return f"{_PAGES}/{self.id}.md"


CLAUSES: dict[str, Clause] = {}
CASES: dict[str, Case] = {}

# Clauses that no server shows from outside, with the reason. Every other clause in CONTRACT.md has cases.
NOT_FROM_OUTSIDE = {
    "P1": "the submission form is a file of the repo; a running server does not show it",
    "N5": "the system's own buffers hold about as much of unfinished bodies as the limit allows",
}


def clause(id: str, title: str, *, remedy: str, severity: Severity = "must") -> None:
    """Adds a clause, under which cases can be added. `remedy` says in one sentence how to fix a breach."""
    if id in CLAUSES:
        raise ValueError(f"the clause {id} exists already")
    CLAUSES[id] = Clause(id, title, severity, remedy)


def case(
    id: str,
    source: Source,
    *,
    remedy: str = "",
    severity: Severity | None = None,
    exclusive: bool = False,
    timed: bool = False,
    slow: bool = False,
) -> Callable[[Check], Check]:
    """Adds the decorated check as a case of a clause. The docstring of the check becomes the title.

    `remedy` and `severity` are those of the clause unless given. Raises `ValueError` if the id exists already.
    """

    def register(check: Check) -> Check:
        if id in CASES:
            raise ValueError(f"the case {id} exists already")
        heading = CLAUSES[id.partition("/")[0]]
        title = (check.__doc__ or "").strip()
        given = (severity or heading.severity, remedy or heading.remedy)
        made = Case(id, title, *given, source, check, exclusive, timed, slow)
        CASES[id] = made
        heading.cases.append(made)
        return check

    return register


def in_order() -> None:
    """Sorts the clauses by the sections of CONTRACT.md, and the cases by their numbers."""
    letters = list(_SECTIONS)
    for name in sorted(CLAUSES, key=lambda each: (letters.index(each[0]), int(each[1:]))):
        clause = CLAUSES[name] = CLAUSES.pop(name)
        clause.cases.sort(key=lambda each: int(each.id.partition("/")[2]))
        for each in clause.cases:
            CASES[each.id] = CASES.pop(each.id)


def chosen(names: Iterable[str]) -> list[Case]:
    """The cases that names such as `S8` or `S8/3` choose, in order. Raises `KeyError` with an unknown name."""
    wanted = {case.id for name in names for case in (CLAUSES[name].cases if name in CLAUSES else [CASES[name]])}
    return [case for case in CASES.values() if case.id in wanted]
