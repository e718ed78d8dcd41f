"""Tests that the core keeps every clause, also if the upstream fails. The generated repo tests the owner's backend."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from competitor.checks import CLAUSES, Target

from ..scripted import core_on
from ..template_path import contract_tests
from .servers import processes

check_clause = contract_tests("test_clauses").check_clause
# Clauses whose checks wait for silences of ten seconds, or for time limits.
SLOW = ("S1", "S2", "S3", "S4", "S6", "S12", "S15", "N2")


@pytest.fixture(scope="module")
def slow_checks(request: pytest.FixtureRequest, baked: Path) -> Iterator[Mapping[str, "Future[None]"]]:
    """Starts the selected slow checks. They run concurrently with the others, with their own core and upstream."""
    chosen = {item.name for item in request.session.items}
    slow = [clause for clause in SLOW if f"test_the_core_keeps_the_clause[{clause}]" in chosen]
    if not slow:
        yield {}
        return
    launcher = processes.Launcher(cwd=baked)
    with processes.mock_upstream() as upstream, ThreadPoolExecutor(len(slow)) as pool:
        separate = core_on(upstream, launcher)
        yield {clause: pool.submit(check_clause, clause, separate) for clause in slow}
    launcher.close()


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_core_keeps_the_clause(clause: str, core: Target, slow_checks: Mapping[str, "Future[None]"]) -> None:
    if clause in slow_checks:
        slow_checks[clause].result()
    else:
        check_clause(clause, core)
