"""Tests that every variant answers with model servers of other people behind it, streamed and whole, with tools."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.sources.answers import WEATHER

from ..bakes import Bakes
from ..baking.baking import VARIANTS
from ..models.test_wires import streamed, whole
from ..models.wires import model_server
from ..template_path import contract_tests
from .servers import GREETING, KEY, SERVERS, running

pytestmark = pytest.mark.slow
processes = contract_tests("processes")


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def base_url(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with model_server() as wires, running(server, tmp_path_factory.mktemp(server), wires.url) as url:
        yield url


@pytest.fixture(scope="module", params=VARIANTS)
def target(server: str, base_url: str, request: pytest.FixtureRequest, bakes: Bakes) -> Iterator[Target]:
    project: Path = bakes(request.param)
    environment = {
        "JANUS_LLM_BASE_URL": base_url,
        "JANUS_LLM_API_KEY": KEY,
        "JANUS_LLM_MODEL": SERVERS[server].model,
    }
    with processes.competitor({**environment, "JANUS_PACING": "off"}, cwd=project) as (url, _):
        yield Target(url, timeout=120)


def test_a_streamed_text(server: str, target: Target) -> None:
    stream = target.stream(GREETING)
    well_formed(stream, server)
    assert stream.text == SERVERS[server].text if SERVERS[server].text else stream.text
    assert "failed" not in stream.text
    assert stream.finish_reasons == ["stop"]
    assert stream.usages[0]["completion_tokens"] > 0


def test_a_whole_text(server: str, target: Target) -> None:
    body = target.ask(GREETING).json()
    said = body["choices"][0]["message"]["content"]
    assert said == SERVERS[server].text if SERVERS[server].text else said
    assert body["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("mode", ["stream", "whole"])
def test_a_call_of_the_client_s_tool(server: str, mode: str, target: Target) -> None:
    if not SERVERS[server].has_tools:
        pytest.skip("this server makes no tool calls")
    message, finish, _ = (streamed if mode == "stream" else whole)(target, SERVERS[server].question)
    (call,) = message["tool_calls"]
    assert call["function"]["name"] == WEATHER["function"]["name"]
    arguments = json.loads(call["function"]["arguments"])
    if SERVERS[server].arguments is None:
        assert arguments.keys() == {"city"}
    else:
        assert arguments == SERVERS[server].arguments
    assert finish == "tool_calls"
