"""The checks are checked: a server with one fault, and good otherwise, is rejected by the check of that clause.

This is the short form; `make mutants` runs every mutant against every check, so that none is rejected by a check
of another clause, but for what is declared.
"""

import pytest

from competitor.checks import CLAUSES

from .blind_mutants import BLIND
from .harness import ALL, short
from .mutants import MUTANTS
from .mutants_from_the_contract_alone import FROM_THE_CONTRACT_ALONE
from .mutants_of_the_contract import OF_THE_CONTRACT


@pytest.mark.long
def test_the_check_of_its_clause_rejects_every_mutant() -> None:
    missed = {came.name: came.broken for came in short(ALL) if came.missed}
    assert not missed


def test_every_clause_has_a_mutant_and_all_together_are_at_least_sixty() -> None:
    assert {clause for mutant in MUTANTS for clause in mutant.clauses} == set(CLAUSES)
    assert len(MUTANTS) >= 60
    assert len(BLIND) == 20
    assert len(OF_THE_CONTRACT) >= 10
    assert len(FROM_THE_CONTRACT_ALONE) == 40
