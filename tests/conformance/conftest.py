"""The plain server and its mutants, on the mock upstream of the generated repo's own tests."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from competitor.conformance import Target, Upstream

from ..template_path import contract_tests
from .plain_server import Plain, PlainServer

processes = contract_tests("processes")
Serve = Callable[[type[Plain]], Target]


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with processes.mock_upstream() as started:
        yield started


@pytest.fixture(scope="session")
def serve(upstream: Upstream) -> Iterator[Serve]:
    """Starts a server of a kind, which can launch another of its kind. Silences last 4 s here."""
    prompts = {name: re.sub(r'"(wait|silence)": 10', r'"\1": 4', text) for name, text in processes.PROMPTS.items()}
    with ExitStack() as running:

        def start(kind: type[Plain]) -> Target:
            def launch(environment: Mapping[str, str]) -> Target:
                return Target(running.enter_context(PlainServer(kind(environment))).url, timeout=10)

            environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}
            url = launch(environment).url
            return Target(url, prompts=prompts, launch=launch, upstream=upstream, timeout=10)

        yield start


@pytest.fixture(scope="session")
def plain(serve: Serve) -> Target:
    return serve(Plain)
