"""A bake of each variant. Tests only read it."""

from pathlib import Path

import pytest

from ..generation.baking import VARIANTS, bake


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def bakes(tmp_path_factory: pytest.TempPathFactory, home: Path) -> list[Path]:
    return [bake(tmp_path_factory.mktemp(name), home, {"backend": name}) for name in VARIANTS]
