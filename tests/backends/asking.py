"""Fixtures for the tests of adapters: a mock upstream, and requests that ask it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from competitor.checks import Upstream

from ..template_path import contract_tests
from .chats import Asked


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with contract_tests("processes").mock_upstream() as started:
        yield started


@pytest.fixture
async def ask(upstream: Upstream) -> AsyncIterator[Any]:
    """A function that makes a request with this prompt; its `chat` is what a backend gets."""
    made: list[Asked] = []

    def asking(prompt: Any, **fields: Any) -> Asked:
        messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        made.append(Asked(f"{upstream.url}/v1", messages=messages, **fields))
        return made[-1]

    yield asking
    for one in made:
        await one.close()
