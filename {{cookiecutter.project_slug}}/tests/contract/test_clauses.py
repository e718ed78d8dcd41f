"""Every clause holds for your competitor with the offline model."""
# Contract file: replaced by updates.

from dataclasses import replace

import pytest

from competitor.checks import CLAUSES, NotShown, Target

from .lateness import measured_on_time

# Clauses about what the offline model cannot do, such as be silent, fail, or call a tool that nobody offered.
NOT_OFFLINE = {"S4", "S10", "S13", "S14", "S15", "S17", "X1", "X2", "S18", "E7", "A1", "A2", "A3", "A4", "A5"}


def check_clause(clause: str, target: Target) -> None:
    """Checks a clause. If a busy machine makes the check fail, the check is repeated with new requests."""
    check = CLAUSES[clause].check
    measured_on_time(lambda: check(target), lambda: check(replace(target, journal=[], _seen={})))


@pytest.mark.parametrize("clause", CLAUSES)
def test_your_competitor_keeps_the_clause(clause: str, offline: Target) -> None:
    try:
        check_clause(clause, offline)
    except NotShown:
        assert clause in NOT_OFFLINE
