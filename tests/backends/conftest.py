"""Fixtures: generated repos of the variants that run tools, and servers of these repos."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import Target, Upstream

from ..bakes import Bakes, sampled
from ..baking.baking import VARIANTS
from ..template_path import UNBAKED, contract_tests

processes = contract_tests("processes")
WITH_TOOLS = [
    name for name, folder in VARIANTS.items() if (folder / UNBAKED.name / "competitor/backend/tools.py").is_file()
]
Serve = Callable[[Path, Mapping[str, str]], Target]


@pytest.fixture(scope="session", params=sampled(WITH_TOOLS))
def project(request: pytest.FixtureRequest, bakes: Bakes) -> Path:
    """A generated repo of a variant. Tests only read it."""
    return bakes(request.param)


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with processes.mock_upstream() as started:
        yield started


@pytest.fixture(scope="session")
def serve(upstream: Upstream) -> Iterator[Serve]:
    """A function that starts a generated repo's server with an environment. All servers end with the session."""
    launchers: list[Any] = []

    def start(project: Path, environment: Mapping[str, str]) -> Target:
        launcher = processes.Launcher(cwd=project)
        launchers.append(launcher)
        return Target(launcher(environment).url, upstream=upstream, timeout=120)

    yield start
    with ThreadPoolExecutor(len(launchers) or 1) as pool:
        list(pool.map(processes.Launcher.close, launchers))


@pytest.fixture(scope="session")
def faulty_project(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the generated repo with faulty_tools.py in place of its tools."""
    copy = tmp_path_factory.mktemp("faulty") / "my-competitor"
    shutil.copytree(project, copy)
    shutil.copyfile(Path(__file__).parent / "faulty_tools.py", copy / "competitor" / "backend" / "tools.py")
    return copy
