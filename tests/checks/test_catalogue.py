"""The catalogue of checks and the document are the same list; what is said twice is said alike."""

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


def test_every_clause_of_the_contract_has_a_check_or_the_reason_why_none_can_be() -> None:
    named = set(re.findall(r"\b[ERWSUAXP]\d{1,2}\b", CONTRACT))
    numbers = {clause for clause in CLAUSES if clause.startswith("N")}  # section 7 has numbers, but no ids
    assert set(CLAUSES) - numbers | set(NOT_FROM_OUTSIDE) == named
    assert not CLAUSES.keys() & NOT_FROM_OUTSIDE.keys()


def test_the_severity_is_the_contract_s() -> None:
    should = set(re.findall(r"^\| (E\d) `[^|]*\| should", CONTRACT, re.MULTILINE))
    should |= set(re.findall(r"\b([A-Z]\d+) \(should\)", CONTRACT))
    assert should >= {"E3", "E4", "E6"}
    assert {name for name, clause in CLAUSES.items() if clause.severity == "should"} == should & set(CLAUSES)


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=lambda clause: clause.id)
def test_a_clause_has_a_title_and_a_remedy_of_one_sentence(clause) -> None:  # type: ignore[no-untyped-def]
    for text in (clause.title, clause.remedy):
        assert text.endswith(".")
        assert "\n" not in text


def test_the_checks_are_of_the_core_s_contract() -> None:
    assert CONTRACT_VERSION == CORE_VERSION


@hypothesis.given(strategies.lists(strategies.floats(0, 1e6), max_size=60).map(sorted))
def test_the_bake_and_the_benchmarks_reckon_evenness_alike(arrivals: list[float]) -> None:
    assert evenness(arrivals) == benchmarks.evenness.evenness(arrivals)
