"""The catalogue of checks: one small function a clause, with what it cites and how to mend a breach."""
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
    """`check` returns where the clause holds, and raises `Failed` or `NotShown` where not.

    A check that counts what the upstream saw runs `exclusive`: others would be counted with it.
    """

    id: str
    title: str
    severity: Severity
    remedy: str
    check: Check
    exclusive: bool = False

    @property
    def cites(self) -> str:
        """Where CONTRACT.md says it."""
        return f"{self.id}, section {_SECTIONS[self.id[0]]}" if self.id[0] != "N" else "section 7 and the seed"


CLAUSES: dict[str, Clause] = {}

# Clauses that no check can show from outside, with the reason. Every other id of CONTRACT.md has a check.
NOT_FROM_OUTSIDE = {
    "P1": "the submission form is a file of the repo; a running server does not show it",
}


def in_order() -> None:
    """Sorts the catalogue as CONTRACT.md has its sections."""
    letters = list(_SECTIONS)
    ids = sorted(CLAUSES, key=lambda each: (letters.index(each[0]), int(each[1:])))
    for each in ids:
        CLAUSES[each] = CLAUSES.pop(each)


def clause(id: str, *, remedy: str, severity: Severity = "must", exclusive: bool = False) -> Callable[[Check], Check]:
    """Enters a check under a clause of CONTRACT.md. Its docstring is the title."""

    def enter(check: Check) -> Check:
        if id in CLAUSES:
            raise ValueError(f"two checks for {id}")
        title = (check.__doc__ or "").strip()
        CLAUSES[id] = Clause(id, title, severity, remedy, check, exclusive)
        return check

    return enter
