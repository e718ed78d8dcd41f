"""Tests that the list of checks matches CONTRACT.md, and that constants and formulas that exist twice are equal."""

import hashlib
import json
import re

import hypothesis
import pytest
from hypothesis import strategies

import benchmarks.evenness
from competitor.checks import CASES, CLAUSES, CONTRACT_VERSION, NOT_FROM_OUTSIDE, Case, Clause
from competitor.checks.figures import evenness
from competitor.checks.requirements import required, versions
from competitor.core import CONTRACT_VERSION as CORE_VERSION

from ..template_path import UNBAKED

CONTRACT = (UNBAKED / "CONTRACT.md").read_text(encoding="utf-8")


def test_every_clause_of_the_contract_has_a_check_or_a_reason_why_it_has_none() -> None:
    named = set(re.findall(r"\b[ERWSUANXP]\d{1,2}\b", CONTRACT))
    assert set(CLAUSES) | set(NOT_FROM_OUTSIDE) == named
    assert not CLAUSES.keys() & NOT_FROM_OUTSIDE.keys()


def test_severities_are_those_of_the_contract() -> None:
    should = set(re.findall(r"^\| (E\d) `[^|]*\| should", CONTRACT, re.MULTILINE))
    should |= set(re.findall(r"\b([A-Z]\d+) \((?:\*1.1\*, )?should\)", CONTRACT))
    assert should >= {"E3", "E4", "E6"}
    assert {name for name, clause in CLAUSES.items() if clause.severity == "should"} == should & set(CLAUSES)


@pytest.mark.parametrize("given", [*CLAUSES.values(), *CASES.values()], ids=lambda given: given.id)
def test_a_clause_or_a_case_has_a_title_and_a_remedy_on_one_line(given: Clause | Case) -> None:
    for text in (given.title, given.remedy):
        assert text.endswith(".")
        assert "\n" not in text


def test_every_clause_has_cases_that_are_numbered_from_one() -> None:
    for clause in CLAUSES.values():
        assert [case.id for case in clause.cases] == [f"{clause.id}/{n}" for n in range(1, len(clause.cases) + 1)]


# The digests of the files of released versions, which never change again.
FROZEN = {"1.0.0": "1e1448c48141a58fbcec001b1f9e024ce663d5c97baf1e51a1f6ca6d908741f4"}


def test_the_requirements_of_a_released_contract_do_not_change() -> None:
    for version, digest in FROZEN.items():
        data = (UNBAKED / "competitor" / "checks" / "requirements" / f"{version}.json").read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest, f"the requirements of contract {version} are frozen"


def test_the_newest_version_asks_for_every_case() -> None:
    assert versions()[-1] == CONTRACT_VERSION
    assert set(versions()) - {CONTRACT_VERSION} == set(FROZEN)
    newest = {case.id: case.severity for case in required(CONTRACT_VERSION)}
    assert newest == {case.id: case.severity for case in CASES.values()}


def test_an_old_version_asks_only_for_cases_that_exist() -> None:
    for version in FROZEN:
        held = json.loads((UNBAKED / f"competitor/checks/requirements/{version}.json").read_text(encoding="utf-8"))
        assert held["contract"] == version
        asked = {
            f"{clause}/{n}" for need in ("must", "should") for clause, ns in held[need].items() for n in ns.split()
        }
        assert {case.id for case in required(version)} == asked


def test_the_checks_and_the_core_have_the_same_contract_version() -> None:
    assert CONTRACT_VERSION == CORE_VERSION


@hypothesis.given(strategies.lists(strategies.floats(0, 1e6), max_size=60).map(sorted))
def test_the_checks_and_the_benchmarks_compute_the_same_evenness(arrivals: list[float]) -> None:
    assert evenness(arrivals) == benchmarks.evenness.evenness(arrivals)
