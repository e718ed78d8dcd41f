"""Fixture: the server of a generated repo."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from competitor.checks import Target, Upstream

from ...template_path import contract_tests

processes = contract_tests("processes")


@pytest.fixture(scope="session")
def target(baked: Path, upstream: Upstream) -> Iterator[Target]:
    launcher = processes.Launcher(cwd=baked)
    url = launcher({"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LLM_MODEL": "mock"}).url
    yield Target(url, upstream=upstream)
    launcher.close()
