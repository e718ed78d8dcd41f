"""A baseline: a file that lists the cases that are known to be broken, so that only new ones fail a run.
Contract file: replaced by updates.

Each line is the id of a case, then anything, such as a reason. Blank lines and lines that begin with `#` are ignored.
"""

from collections.abc import Iterable
from pathlib import Path

from ..judging import Verdict
from ..registry import CASES
from .options import Wrong

_HEAD = """\
# Known to be broken: a check with `--baseline {name}` does not fail because of these cases.
# When one of them holds, it does fail: remove the line then.
"""


def read_baseline(path: Path) -> frozenset[str]:
    """The ids in a baseline. Raises `Wrong` if it cannot be read, or has something that is not a case."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Wrong(f"{path} cannot be read as a baseline: {error}") from None
    found = [line.split()[0] for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if unknown := [each[:20] for each in found if each not in CASES]:
        raise Wrong(f"{path} names {', '.join(unknown[:5])}, which is no case; --list shows all of them")
    return frozenset(found)


def baseline_text(name: str, broken: Iterable[Verdict]) -> str:
    """The text of a baseline with these cases, each with its title."""
    return _HEAD.format(name=name) + "".join(f"{each.case.id:<7} {each.case.title}\n" for each in broken)
