# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""Every clause holds: for the core, whatever its upstream does, and for your competitor on the offline model."""

import pytest

from competitor.conformance import CLAUSES, Failed, NotShown, Target

# What the offline model cannot be made to do: be silent, fail, call a tool that nobody offered.
NOT_OFFLINE = {"S4", "S10", "S13", "S14", "S15", "S17", "X1", "X2", "S18", "E7", "A1", "A2", "A3", "A4", "A5"}
# What the core does not do yet, and how the check says so; it is a *should*.
NOT_YET = {"E6": "debug/stream"}
KEPT = [clause for clause in CLAUSES if clause not in NOT_YET]


@pytest.mark.parametrize("clause", NOT_YET)
def test_the_core_is_known_not_to_keep_the_clause_yet(clause: str, core: Target) -> None:
    assert CLAUSES[clause].severity == "should"
    with pytest.raises(Failed, match=NOT_YET[clause]):
        CLAUSES[clause].check(core)


@pytest.mark.parametrize("clause", KEPT)
def test_the_core_keeps_the_clause(clause: str, core: Target) -> None:
    CLAUSES[clause].check(core)


@pytest.mark.parametrize("clause", KEPT)
def test_your_competitor_keeps_the_clause(clause: str, offline: Target) -> None:
    try:
        CLAUSES[clause].check(offline)
    except NotShown:
        assert clause in NOT_OFFLINE
