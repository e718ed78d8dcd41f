# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""Every clause holds: for the core, whatever its upstream does, and for your competitor on the offline model."""

from dataclasses import replace

import pytest

from competitor.conformance import CLAUSES, NotShown, Target

from .lateness import measured_on_time

# What the offline model cannot be made to do: be silent, fail, call a tool that nobody offered.
NOT_OFFLINE = {"S4", "S10", "S13", "S14", "S15", "S17", "X1", "X2", "S18", "E7", "A1", "A2", "A3", "A4", "A5"}


def keeps(clause: str, target: Target) -> None:
    """A second look, where one is needed, asks the server everything again."""
    check = CLAUSES[clause].check
    measured_on_time(lambda: check(target), lambda: check(replace(target, journal=[], _seen={})))


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_core_keeps_the_clause(clause: str, core: Target) -> None:
    keeps(clause, core)


@pytest.mark.parametrize("clause", CLAUSES)
def test_your_competitor_keeps_the_clause(clause: str, offline: Target) -> None:
    try:
        keeps(clause, offline)
    except NotShown:
        assert clause in NOT_OFFLINE
