"""The fixture `browser`: one Chromium for each test file."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from .window import started


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with started(tmp_path_factory.mktemp("profile")) as driver:
        yield driver
