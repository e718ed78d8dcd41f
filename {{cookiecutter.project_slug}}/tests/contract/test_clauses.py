"""Every clause holds for your competitor with the offline model."""
# Contract file: replaced by updates.

from dataclasses import replace
from functools import partial

import pytest

from competitor.checks import CLAUSES, Case, Target
from competitor.checks.judging import Heading, Verdict, judge

from .known_gaps import KNOWN_GAPS
from .lateness import measured_on_time

# Clauses about what the offline model cannot do, such as be silent, fail, or call a tool that nobody offered.
NOT_OFFLINE = {"S4", "S10", "S13", "S14", "S15", "S17", "X1", "X2", "S18", "E7", "A1", "A2", "A3", "A4", "A5", "A6"}
NOT_OFFLINE |= {"U2"}  # nor has it a price


def check_clause(clause: str, target: Target) -> Heading:
    """Judges all cases of a clause, and fails if one is broken that is not a known gap. Returns the verdicts.

    If a busy machine makes a case fail, it is repeated with new requests. A known gap that holds fails too, because its
    line in known_gaps.py is out of date.
    """
    return Heading(CLAUSES[clause], tuple(_judged(case, target) for case in CLAUSES[clause].cases))


def _judged(case: Case, target: Target) -> Verdict:
    def judged(target: Target) -> Verdict:
        verdict = judge(case, target)
        allowed = ("broken", "not shown") if case.id in KNOWN_GAPS else ("holds", "not shown")
        assert verdict.status in allowed, f"{case.id} {verdict.status}: {verdict.reason}"
        return verdict

    return measured_on_time(partial(judged, target), partial(judged, replace(target, journal=[], _seen={})))


@pytest.mark.parametrize("clause", CLAUSES)
def test_your_competitor_keeps_the_clause(clause: str, offline: Target) -> None:
    if check_clause(clause, offline).status == "not shown":
        assert clause in NOT_OFFLINE
