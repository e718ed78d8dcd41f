"""Tests that the README's figures about the torture tests are correct, and that only passed cases are counted."""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ..template_path import TEMPLATE
from ..unit.outbound.test_egress import HOSTILE
from .counting import counts, table
from .goals import GOALS
from .raw_inputs import inputs
from .test_upstream_faults import CASES


def test_the_readme_s_figures_about_the_torture_tests_are_right() -> None:
    text = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    found = re.search(
        r"(\d+) raw inputs, 10,000 random requests, (\d+) faults of an\s+upstream.*?(\d+) hostile URLs", text, re.S
    )
    assert found is not None
    assert [int(number) for number in found.groups()] == [len(inputs()), len(CASES), len(HOSTILE)]


def report(outcome: str, **properties: Any) -> pytest.TestReport:
    goal = f"{GOALS[0].line} {GOALS[0].what}"
    given = [("torture", goal), *properties.items()]
    return pytest.TestReport("x", ("x", 0, "x"), {}, cast(Any, outcome), None, "call", user_properties=given)


def test_only_passed_cases_are_counted_and_failures_are_shown() -> None:
    goal = f"{GOALS[0].line} {GOALS[0].what}"
    held, failed = counts(
        [report("passed"), report("passed", count=300), report("failed", count=50), SimpleNamespace()]
    )
    assert (held[goal], failed[goal]) == (301, 1)
    assert any("1 FAILED" in row for row in table(held, failed))
    assert any("MISSED" in row for row in table(held, counts([])[1], "A"))
    held[goal] = GOALS[0].minimum
    assert "reached" in table(held, counts([])[1], "A")[2]
