"""The checks are checked: a server with one fault, and good otherwise, is rejected by the check of that clause.

This is the short form; `make mutants` runs every mutant against every check, so that none is rejected by a check
of another clause, but for what is declared.
"""

from collections import Counter

import pytest

from competitor.checks import CLAUSES

from .harness import short
from .mutants import MUTANTS
from .mutants.registry import BESIDE_THE_CHECK, BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT


@pytest.mark.long
def test_the_check_of_its_clause_rejects_every_mutant() -> None:
    missed = {came.name: came.broken for came in short(MUTANTS) if came.missed}
    assert not missed


def test_every_clause_has_a_mutant_and_all_together_are_at_least_sixty() -> None:
    beside_the_check = [mutant for mutant in MUTANTS if mutant.origin == BESIDE_THE_CHECK]
    assert {clause for mutant in beside_the_check for clause in mutant.clauses} == set(CLAUSES)
    assert len(beside_the_check) >= 60
    origins = Counter(mutant.origin for mutant in MUTANTS)
    assert origins[BLIND] == 20
    assert origins[OF_THE_CONTRACT] >= 10
    assert origins[FROM_THE_CONTRACT_ALONE] == 40
