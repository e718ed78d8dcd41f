"""What came of one line of the reviewers' checklist."""
# Contract file: replaced by updates.

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "broken", "look", "not shown"]


@dataclass(frozen=True)
class Finding:
    """`look`: nothing is wrong, but a person will look at it. `said` is the reason, `remedy` what to do."""

    about: str
    status: Status
    said: str = ""
    remedy: str = ""


def judged(about: str, wrong: str, remedy: str, shown: str = "") -> Finding:
    """Broken where something is wrong, else ok; `shown` says what was seen."""
    return Finding(about, "broken", wrong, remedy) if wrong else Finding(about, "ok", shown)
