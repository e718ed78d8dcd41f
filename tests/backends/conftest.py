"""The variants that run tools, each baked once a session by the command line."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from competitor.conformance import Target, Upstream

from ..generation.baking import VARIANTS, bake
from ..template_path import UNBAKED, contract_tests

processes = contract_tests("processes")
WITH_TOOLS = [
    name for name, folder in VARIANTS.items() if (folder / UNBAKED.name / "competitor/backend/tools.py").is_file()
]
Serve = Callable[[Path, Mapping[str, str]], Target]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session", params=WITH_TOOLS)
def project(request: pytest.FixtureRequest, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bake of a variant. Tests only read it."""
    return bake(tmp_path_factory.mktemp(request.param), home, {"backend": request.param})


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with processes.mock_upstream() as started:
        yield started


@pytest.fixture(scope="session")
def serve(upstream: Upstream) -> Iterator[Serve]:
    """Starts a bake with an environment; all end with the session."""
    launchers = []

    def start(project: Path, environment: Mapping[str, str]) -> Target:
        launcher = processes.Launcher(cwd=project)
        launchers.append(launcher)
        return Target(launcher(environment).url, upstream=upstream, timeout=120)

    yield start
    for launcher in launchers:
        launcher.close()


@pytest.fixture(scope="session")
def faulty_project(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with faulty_tools.py in the place of its tools."""
    copy = tmp_path_factory.mktemp("faulty") / "my-competitor"
    shutil.copytree(project, copy)
    shutil.copyfile(Path(__file__).parent / "faulty_tools.py", copy / "competitor" / "backend" / "tools.py")
    return copy
