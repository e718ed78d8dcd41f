"""A second good server, which shares no code with ours, passes every check: the checks ask for nothing of our own."""

import pytest

from competitor.conformance import CLAUSES, Target


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_plain_server_passes(clause: str, plain: Target) -> None:
    CLAUSES[clause].check(plain)
