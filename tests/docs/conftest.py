"""Fixture: generated repos of all variants. Tests only read them."""

from pathlib import Path

import pytest

from ..bakes import Bakes
from ..baking.baking import VARIANTS


@pytest.fixture(scope="session")
def projects(bakes: Bakes) -> list[Path]:
    return [bakes(name) for name in VARIANTS]
