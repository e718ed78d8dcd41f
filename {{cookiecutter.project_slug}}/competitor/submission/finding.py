"""A finding: the result for one item of the reviewers' checklist."""
# Contract file: replaced by updates.

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "broken", "look", "not shown"]


@dataclass(frozen=True)
class Finding:
    """The result for one item of the reviewers' checklist.

    `about` names the item, `said` is the reason for the status, and `remedy` says how to fix a problem. The status
    `look` means that no problem was found, but that a person has to look at the item.
    """

    about: str
    status: Status
    said: str = ""
    remedy: str = ""


def broken_if(about: str, wrong: str, remedy: str, shown: str = "") -> Finding:
    """Makes a finding: `broken` with the reason `wrong`, or, if `wrong` is empty, `ok` with the reason `shown`."""
    return Finding(about, "broken", wrong, remedy) if wrong else Finding(about, "ok", shown)
