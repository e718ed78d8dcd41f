"""Fixtures for all tests: an empty home folder, and a generated repo of each variant, made once per run."""

import compileall
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import pytest

from .baking.baking import DEFAULT, VARIANTS, bake
from .once import once

Bakes = Callable[[str], Path]
# Marks parameters of a long test. `make test` runs it for the default variant, `make test-variants` for the others.
SAMPLED = ("proxy", "tools", "langchain")  # with which `make test` runs what it does not run for all variants
IN_FULL = [DEFAULT, *(pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS if name != DEFAULT)]


def sampled(names: Iterable[str], sample: Collection[str] = SAMPLED) -> list[Any]:
    """Parameters: the variants of the sample, and the others for `make test-variants`."""
    return [pytest.param(name, marks=() if name in sample else pytest.mark.slow) for name in names]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def bakes(request: pytest.FixtureRequest, home: Path) -> Bakes:
    """`bakes("tools")` returns a generated repo of that variant with the default answers. Tests only read it."""

    def compiled(folder: Path, variant: str) -> None:
        project = bake(folder, home, {} if variant == DEFAULT else {"backend": variant})
        compileall.compile_dir(project, quiet=1)  # otherwise each server would write bytecode

    def baked_once(variant: str) -> Path:
        (project,) = once(request, f"bake-{variant}", lambda folder: compiled(folder, variant)).iterdir()
        return project

    return baked_once


@pytest.fixture(scope="session")
def baked(bakes: Bakes) -> Path:
    """A generated repo of the default variant. Tests only read it."""
    return bakes(DEFAULT)


@pytest.fixture(scope="session", params=VARIANTS)
def each(request: pytest.FixtureRequest, bakes: Bakes) -> Path:
    """A generated repo of each variant. Tests only read it."""
    return bakes(request.param)
