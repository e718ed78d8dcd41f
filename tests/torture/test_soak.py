"""Descriptors, tasks and memory come back after many requests, a fifth of them aborted."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from competitor.checks import Upstream

from .soak import BATCH, Sample, returned, soak, watched


@pytest.mark.slow
@pytest.mark.torture("B", "requests of a soak, a fifth aborted")
def test_all_comes_back(
    bakes: Callable[[str], Path], upstream: Upstream, record_property: Callable[[str, int], None]
) -> None:
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_PACING": "off"}
    with watched(bakes("proxy"), environment) as (port, pid):
        samples = asyncio.run(soak(port, pid, 2_000))
    assert returned(samples) == []
    assert 0.15 < samples[-1].aborted / samples[-1].requests < 0.25
    record_property("count", samples[-1].requests)


@pytest.mark.parametrize(("field", "by"), [("descriptors", 3), ("tasks", 1), ("resident_mib", 40.0)])
def test_what_does_not_come_back_is_named(field: str, by: float) -> None:
    first = Sample(BATCH, 100, 20, 80.0, 5)
    last = Sample(**{**vars(first), field: getattr(first, field) + by})
    assert len(returned([first, last])) == 1
    assert returned([first, first]) == []
