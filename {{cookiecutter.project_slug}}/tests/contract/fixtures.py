"""Fixtures for all tests: competitors and an upstream as separate processes, which end with the pytest run."""
# Contract file: replaced by updates.

from collections.abc import Iterator

import pytest

from competitor.checks import PROMPTS, Target, Upstream
from competitor.checks.orphans import kill_orphans

from .processes import PATIENCE_SECONDS, Launcher, mock_upstream

kill_orphans()


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with mock_upstream() as started:
        yield started


@pytest.fixture(scope="session")
def launch() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(scope="session")
def target(upstream: Upstream, launch: Launcher) -> Target:
    """Your competitor with the mock upstream."""
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LLM_MODEL": "mock"}
    url = launch(environment).url
    return Target(url, prompts=PROMPTS, launch=launch, upstream=upstream, timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="session")
def offline(launch: Launcher) -> Target:
    """Your competitor with the offline model, which answers fast."""
    url = launch({"JANUS_OFFLINE_WORDS_PER_SECOND": "1000"}).url
    return Target(url, launch=launch, timeout=PATIENCE_SECONDS)


# conftest.py of a repo made before 0.3.0 imports it. It was the core with a backend of these tests.
core = target
