"""The patches of guards.py apply, so that `make guards` can take each guard out."""

from .goals import GOALS
from .guards import GUARDS, missing


def test_each_patch_still_applies() -> None:
    assert missing() == []


def test_there_are_guards_of_every_line() -> None:
    assert {guard.line for guard in GUARDS} == {goal.line for goal in GOALS}
    assert len({guard.promise for guard in GUARDS}) == len(GUARDS) >= 20
