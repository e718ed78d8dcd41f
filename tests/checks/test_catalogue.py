"""Tests that the list of checks matches CONTRACT.md, and that constants and formulas that exist twice are equal."""

import re

import hypothesis
import pytest
from hypothesis import strategies

import benchmarks.evenness
from competitor.checks import CLAUSES, CONTRACT_VERSION, NOT_FROM_OUTSIDE
from competitor.checks.figures import evenness
from competitor.core import CONTRACT_VERSION as CORE_VERSION

from ..template_path import UNBAKED

CONTRACT = (UNBAKED / "CONTRACT.md").read_text(encoding="utf-8")


def test_every_clause_of_the_contract_has_a_check_or_a_reason_why_it_has_none() -> None:
    named = set(re.findall(r"\b[ERWSUAXP]\d{1,2}\b", CONTRACT))
    numbers = {clause for clause in CLAUSES if clause.startswith("N")}  # section 7 has numbers, but no ids
    assert set(CLAUSES) - numbers | set(NOT_FROM_OUTSIDE) == named
    assert not CLAUSES.keys() & NOT_FROM_OUTSIDE.keys()


def test_severities_are_those_of_the_contract() -> None:
    should = set(re.findall(r"^\| (E\d) `[^|]*\| should", CONTRACT, re.MULTILINE))
    should |= set(re.findall(r"\b([A-Z]\d+) \(should\)", CONTRACT))
    assert should >= {"E3", "E4", "E6"}
    assert {name for name, clause in CLAUSES.items() if clause.severity == "should"} == should & set(CLAUSES)


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=lambda clause: clause.id)
def test_a_clause_has_a_title_and_a_remedy_of_one_sentence(clause) -> None:  # type: ignore[no-untyped-def]
    for text in (clause.title, clause.remedy):
        assert text.endswith(".")
        assert "\n" not in text


def test_the_checks_and_the_core_have_the_same_contract_version() -> None:
    assert CONTRACT_VERSION == CORE_VERSION


@hypothesis.given(strategies.lists(strategies.floats(0, 1e6), max_size=60).map(sorted))
def test_the_checks_and_the_benchmarks_compute_the_same_evenness(arrivals: list[float]) -> None:
    assert evenness(arrivals) == benchmarks.evenness.evenness(arrivals)
