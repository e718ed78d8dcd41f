"""Every clause holds: for the core, whatever its upstream does, and for your competitor on the offline model."""
# Contract file: replaced by updates.

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from competitor.checks import CLAUSES, NotShown, Target

from .fixtures import core_on
from .lateness import measured_on_time
from .processes import Launcher, mock_upstream

# What the offline model cannot be made to do: be silent, fail, call a tool that nobody offered.
NOT_OFFLINE = {"S4", "S10", "S13", "S14", "S15", "S17", "X1", "X2", "S18", "E7", "A1", "A2", "A3", "A4", "A5"}
# These wait through silences of ten seconds, and for limits of time to pass.
SLOW = ("S1", "S2", "S3", "S4", "S6", "S12", "S15", "N2")


@pytest.fixture(scope="module")
def begun(request: pytest.FixtureRequest) -> Iterator[Mapping[str, "Future[None]"]]:
    """The slow checks that were chosen. They run beside the others, on a core and an upstream of their own."""
    chosen = {item.name for item in request.session.items}
    slow = [clause for clause in SLOW if f"test_the_core_keeps_the_clause[{clause}]" in chosen]
    if not slow:
        yield {}
        return
    launcher = Launcher()
    with mock_upstream() as upstream, ThreadPoolExecutor(len(slow)) as pool:
        separate = core_on(upstream, launcher)
        yield {clause: pool.submit(keeps, clause, separate) for clause in slow}
    launcher.close()


def keeps(clause: str, target: Target) -> None:
    """A second look, where one is needed, asks the server everything again."""
    check = CLAUSES[clause].check
    measured_on_time(lambda: check(target), lambda: check(replace(target, journal=[], _seen={})))


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_core_keeps_the_clause(clause: str, core: Target, begun: Mapping[str, "Future[None]"]) -> None:
    if clause in begun:
        begun[clause].result()
    else:
        keeps(clause, core)


@pytest.mark.parametrize("clause", CLAUSES)
def test_your_competitor_keeps_the_clause(clause: str, offline: Target) -> None:
    try:
        keeps(clause, offline)
    except NotShown:
        assert clause in NOT_OFFLINE
