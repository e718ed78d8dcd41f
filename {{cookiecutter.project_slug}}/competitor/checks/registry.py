"""The list of checks: a function for each clause, with its title, its severity, and how to fix a breach."""
# Contract file: replaced by updates.

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .target import Target

Check = Callable[[Target], None]
Severity = Literal["must", "should"]

_SECTIONS = {"E": "1", "R": "2", "W": "3", "S": "4", "U": "5", "A": "6", "N": "7", "X": "8", "P": "9"}


@dataclass(frozen=True)
class Clause:
    """A clause of CONTRACT.md and its check.

    `check` returns nothing if the clause holds on a server; otherwise it raises `Failed` or `NotShown`. `exclusive`
    marks a check that counts the requests to the upstream. No other check runs at the same time, so that only its own
    requests are counted.
    """

    id: str
    title: str
    severity: Severity
    remedy: str
    check: Check
    exclusive: bool = False

    @property
    def cites(self) -> str:
        """Where the clause is in CONTRACT.md: its id and its section."""
        return f"{self.id}, section {_SECTIONS[self.id[0]]}" if self.id[0] != "N" else "section 7 and the seed"


CLAUSES: dict[str, Clause] = {}

# Clauses that cannot be checked over HTTP, with the reason. Every other id in CONTRACT.md has a check.
NOT_FROM_OUTSIDE = {"P1": "the submission form is a file of the repo; a running server does not show it"}


def in_order() -> None:
    """Sorts CLAUSES by the sections of CONTRACT.md."""
    letters = list(_SECTIONS)
    ids = sorted(CLAUSES, key=lambda each: (letters.index(each[0]), int(each[1:])))
    for each in ids:
        CLAUSES[each] = CLAUSES.pop(each)


def clause(id: str, *, remedy: str, severity: Severity = "must", exclusive: bool = False) -> Callable[[Check], Check]:
    """Registers a check for a clause of CONTRACT.md. The check's docstring becomes the title.

    `remedy` is one sentence that says how to fix a breach. Raises `ValueError` if the clause has a check already.
    """

    def register(check: Check) -> Check:
        if id in CLAUSES:
            raise ValueError(f"there are two checks for {id}")
        title = (check.__doc__ or "").strip()
        CLAUSES[id] = Clause(id, title, severity, remedy, check, exclusive)
        return check

    return register
