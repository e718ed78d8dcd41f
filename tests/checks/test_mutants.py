"""Tests the checks with mutants. Each mutant is a correct server with one fault, which the clause's check must find.

This quick form runs only the checks of the clauses that a mutant declares. `make mutants` runs every check on every
mutant, and so it also finds a check that rejects a mutant although the mutant does not declare the check's clause.
"""

from collections import Counter

import pytest

from competitor.checks import CLAUSES

from .harness import judge_by_own_clauses
from .mutants import MUTANTS
from .mutants.registry import BESIDE_THE_CHECK, BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT


@pytest.mark.long
def test_every_mutant_is_rejected_by_the_checks_of_its_clauses() -> None:
    missed = {result.name: result.broken for result in judge_by_own_clauses(MUTANTS) if result.missed}
    assert not missed


def test_every_clause_has_a_mutant_and_there_are_enough_of_each_origin() -> None:
    beside_the_check = [mutant for mutant in MUTANTS if mutant.origin == BESIDE_THE_CHECK]
    assert {clause for mutant in beside_the_check for clause in mutant.clauses} == set(CLAUSES)
    assert len(beside_the_check) >= 60
    origins = Counter(mutant.origin for mutant in MUTANTS)
    assert origins[BLIND] == 20
    assert origins[OF_THE_CONTRACT] >= 10
    assert origins[FROM_THE_CONTRACT_ALONE] == 40
