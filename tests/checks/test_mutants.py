"""Tests the cases with mutants. Each mutant is a correct server with one fault, which its own case must find.

This form judges only the cases that a mutant declares. `make mutants-all` judges every case on every mutant, and so it
also finds a case that rejects a mutant although the mutant does not declare its clause.
"""

from collections import Counter

import pytest

from competitor.checks import CASES

from .harness import judge_by_own_cases
from .mutants import MUTANTS
from .mutants.registry import BESIDE_THE_CHECK, BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT


@pytest.mark.long
def test_every_mutant_is_rejected_by_its_own_cases() -> None:
    missed = {each.name: (each.broken, each.faults) for each in judge_by_own_cases(MUTANTS) if each.missed}
    assert not missed


def test_every_case_has_a_mutant() -> None:
    assert {case for mutant in MUTANTS for case in mutant.cases} == set(CASES)


def test_every_clause_has_a_mutant_and_there_are_enough_of_each_origin() -> None:
    beside_the_check = [mutant for mutant in MUTANTS if mutant.origin == BESIDE_THE_CHECK]
    assert {clause for mutant in beside_the_check for clause in mutant.clauses} == {
        case.partition("/")[0] for case in CASES
    }
    assert len(beside_the_check) >= 60
    origins = Counter(mutant.origin for mutant in MUTANTS)
    assert origins[BLIND] == 20
    assert origins[OF_THE_CONTRACT] >= 10
    assert origins[FROM_THE_CONTRACT_ALONE] == 80
