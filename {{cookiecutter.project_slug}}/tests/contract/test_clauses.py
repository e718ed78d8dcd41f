"""Every clause holds: for the core with an upstream that fails, and for your competitor with the offline model."""
# Contract file: replaced by updates.

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from competitor.checks import CLAUSES, NotShown, Target

from .fixtures import core_on
from .lateness import measured_on_time
from .processes import Launcher, mock_upstream

# Clauses about what the offline model cannot do, such as be silent, fail, or call a tool that nobody offered.
NOT_OFFLINE = {"S4", "S10", "S13", "S14", "S15", "S17", "X1", "X2", "S18", "E7", "A1", "A2", "A3", "A4", "A5"}
# Clauses whose checks wait for silences of ten seconds, or for time limits.
SLOW = ("S1", "S2", "S3", "S4", "S6", "S12", "S15", "N2")


@pytest.fixture(scope="module")
def slow_checks(request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[None]"]]:
    """Starts the selected slow checks. They run concurrently with the others, with their own core and upstream."""
    chosen = {item.name for item in request.session.items}
    slow = [clause for clause in SLOW if f"test_the_core_keeps_the_clause[{clause}]" in chosen]
    if not slow:
        yield {}
        return
    launcher = Launcher()
    with mock_upstream() as upstream, ThreadPoolExecutor(len(slow)) as pool:
        separate = core_on(upstream, launcher)
        yield {clause: pool.submit(check_clause, clause, separate) for clause in slow}
    launcher.close()


def check_clause(clause: str, target: Target) -> None:
    """Checks a clause. If it must be repeated because the machine was busy, all requests are sent again."""
    check = CLAUSES[clause].check
    measured_on_time(lambda: check(target), lambda: check(replace(target, journal=[], _seen={})))


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_core_keeps_the_clause(clause: str, core: Target, slow_checks: Mapping[str, "Future[None]"]) -> None:
    if clause in slow_checks:
        slow_checks[clause].result()
    else:
        check_clause(clause, core)


@pytest.mark.parametrize("clause", CLAUSES)
def test_your_competitor_keeps_the_clause(clause: str, offline: Target) -> None:
    try:
        check_clause(clause, offline)
    except NotShown:
        assert clause in NOT_OFFLINE
