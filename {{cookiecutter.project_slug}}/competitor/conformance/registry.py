# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The catalogue of checks: one small function a clause, with what it cites and how to mend a breach."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .target import Target

Check = Callable[[Target], None]
Severity = Literal["must", "should"]


@dataclass(frozen=True)
class Clause:
    """`check` returns where the clause holds, and raises `Failed` or `NotShown` where not."""

    id: str
    title: str
    severity: Severity
    remedy: str
    check: Check


CLAUSES: dict[str, Clause] = {}


def clause(id: str, *, remedy: str, severity: Severity = "must") -> Callable[[Check], Check]:
    """Enters a check under a clause of CONTRACT.md. Its docstring is the title."""

    def enter(check: Check) -> Check:
        if id in CLAUSES:
            raise ValueError(f"two checks for {id}")
        title = (check.__doc__ or "").strip()
        CLAUSES[id] = Clause(id, title, severity, remedy, check)
        return check

    return enter
