"""Fixtures for all tests: competitors and an upstream as separate processes, which end with the pytest run."""
# Contract file: replaced by updates.

from collections.abc import Iterator, Mapping

import pytest

from competitor.checks import Target, Upstream
from competitor.checks.orphans import kill_orphans

from .processes import PATIENCE_SECONDS, PROMPTS, SCRIPTED, Launcher, mock_upstream

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


@pytest.fixture(scope="session")
def core(upstream: Upstream, launch: Launcher) -> Target:
    """The core with the mock upstream, and with the tests' scripted backend instead of yours (scripted_backend.py)."""
    return core_on(upstream, launch)


def core_on(upstream: Upstream, launch: Launcher) -> Target:
    """Starts the core with the scripted backend and this upstream. The target can launch others like it."""
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LLM_MODEL": "mock"}

    def launch_another(given: Mapping[str, str]) -> Target:
        return launch(given, *SCRIPTED)

    url = launch_another(environment).url
    return Target(url, prompts=PROMPTS, launch=launch_another, upstream=upstream, timeout=PATIENCE_SECONDS)
