"""Tests that the patches of guards.py can be applied, so that `make guards` can remove each guard."""

from .goals import GOALS
from .guards import GUARDS, missing


def test_each_patch_still_applies() -> None:
    assert missing() == []


def test_every_line_of_the_goals_has_guards() -> None:
    assert {guard.line for guard in GUARDS} >= {goal.line for goal in GOALS}
    assert len({guard.promise for guard in GUARDS}) == len(GUARDS) >= 20
