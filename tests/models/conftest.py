"""Fixtures: an upstream that sends the wires, and a generated repo of each variant in front of it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import Target

from ..bakes import Bakes
from ..baking.baking import DEFAULT, VARIANTS
from ..template_path import contract_tests
from .wires import ModelServer, model_server

processes = contract_tests("processes")
Serve = Callable[[Mapping[str, str]], Target]
# Starts a server with these files in competitor/backend/, and this environment.
ServeOwn = Callable[[Mapping[str, str], Mapping[str, str]], Target]


@pytest.fixture(scope="session")
def session_models() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture
def models(session_models: ModelServer) -> ModelServer:
    """The upstream, without answers, rules and requests of another test."""
    session_models.reset()
    return session_models


def one_at_once(first: str) -> list[Any]:
    """The variants as parameters: `make test` runs the first one, `make test-variants` the others."""
    return [first, *(pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS if name != first)]


@pytest.fixture(scope="module", params=one_at_once(DEFAULT))
def variant(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def serve(variant: str, bakes: Bakes, session_models: ModelServer) -> Iterator[Serve]:
    """Starts this variant's server in front of the upstream, with a further environment."""
    project: Path = bakes(variant)
    launcher: Any = processes.Launcher(cwd=project)

    def start(environment: Mapping[str, str]) -> Target:
        given = {"JANUS_LLM_BASE_URL": session_models.url, "JANUS_LLM_ATTEMPTS": "2", "JANUS_PACING": "off"}
        return Target(launcher({**given, **environment}).url, timeout=120)

    yield start
    launcher.close()


@pytest.fixture(scope="module")
def serve_own(variant: str, bakes: Bakes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeOwn]:
    launchers: list[Any] = []

    def start(files: Mapping[str, str], environment: Mapping[str, str]) -> Target:
        project = tmp_path_factory.mktemp("own") / "my-competitor"
        shutil.copytree(bakes(variant), project)
        for name, text in files.items():
            (project / "competitor" / "backend" / name).write_text(text, encoding="utf-8")
        launchers.append(processes.Launcher(cwd=project))
        return Target(launchers[-1](environment).url, timeout=120)

    yield start
    for launcher in launchers:
        launcher.close()


@pytest.fixture(scope="module")
def target(serve: Serve) -> Target:
    """A server whose framework is loaded, so that no answer begins with a note about the wait."""
    started = serve({})
    started.ask("wire: openai/text.sse ?")
    return started
