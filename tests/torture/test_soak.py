"""Tests that descriptors, tasks and memory return to their first values after many requests, some aborted."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from competitor.checks import Upstream

from .soak import BATCH, Sample, returned, soak, watched


@pytest.mark.slow
@pytest.mark.torture("B", "requests of a soak, a fifth aborted")
def test_descriptors_tasks_and_memory_return_to_their_first_values(
    bakes: Callable[[str], Path], upstream: Upstream, record_property: Callable[[str, int], None]
) -> None:
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_PACING": "off"}
    with watched(bakes("proxy"), environment) as (port, pid):
        samples = asyncio.run(soak(port, pid, 2_000))
    assert returned(samples) == []
    assert 0.15 < samples[-1].aborted / samples[-1].requests < 0.25
    record_property("count", samples[-1].requests)


@pytest.mark.parametrize(("field", "by"), [("descriptors", 3), ("tasks", 1), ("resident_mib", 40.0)])
def test_a_figure_that_does_not_return_is_reported(field: str, by: float) -> None:
    first = Sample(BATCH, 100, 20, 80.0, 5)
    last = Sample(**{**vars(first), field: getattr(first, field) + by})
    assert len(returned([first, last])) == 1
    assert returned([first, first]) == []
