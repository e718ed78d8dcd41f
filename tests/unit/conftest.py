"""Fixtures: servers of a generated repo of the default variant, for the tests of the core."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from competitor.checks import Target, Upstream

from ..scripted import core_on
from ..template_path import contract_tests
from .servers import Launch, Running, Serve

fixtures, processes = contract_tests("fixtures"), contract_tests("processes")
upstream = fixtures.upstream


@pytest.fixture(scope="session")
def serve(baked: Path) -> Serve:
    """`with serve(environment, *command, log=path) as (url, pid)` runs `command`, or else the repo's server."""

    def start(environment: Mapping[str, str], *command: str, log: Path | None = None) -> Running:
        running: Running = processes.competitor(environment, *command, log=log, cwd=baked)
        return running

    return start


@pytest.fixture(scope="session")
def launch(baked: Path) -> Iterator[Launch]:
    """`launch(environment, *command)` starts a server like `serve`; it runs until the end of the session."""
    launcher = processes.Launcher(cwd=baked)
    yield launcher
    launcher.close()


@pytest.fixture(scope="session")
def core(upstream: Upstream, launch: Launch) -> Target:
    """The core with the mock upstream, and with the scripted backend in place of the owner's backend."""
    return core_on(upstream, launch)


@pytest.fixture(scope="session")
def offline(launch: Launch) -> Target:
    """The generated repo's server with a fast offline model."""
    return launch({"JANUS_OFFLINE_WORDS_PER_SECOND": "1000"})
