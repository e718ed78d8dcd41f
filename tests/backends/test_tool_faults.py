"""Tests faults of tools and tool calls: the model gets a helpful sentence, and the answer ends correctly."""

import json
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import Target, Upstream
from competitor.checks.clauses.stream import well_formed
from competitor.checks.responses import Stream
from competitor.checks.target import question

from ..template_path import contract_tests
from .conftest import Serve
from .faulty_tools import CANARY

lateness = contract_tests("lateness")


def call(name: str, arguments: str = "{}") -> dict[str, str]:
    return {"name": name, "arguments": arguments}


# fault -> the calls of the model's first turn, and the text that the model gets for the first of them
FAULTS: dict[str, tuple[list[dict[str, str]], str]] = {
    "an unknown tool": ([call("rm_rf")], "There is no tool 'rm_rf'. The tools are: echo,"),
    "arguments that are not JSON": ([call("echo", '{"text": ')], "Bad arguments for echo: "),
    "arguments that are not an object": ([call("echo", '["x"]')], "Bad arguments for echo: "),
    "an argument of a wrong type": ([call("echo", '{"text": "x", "times": "many"}')], "times: Input should be"),
    "a missing argument": ([call("echo")], "text: Field required"),
    "an unknown argument": ([call("echo", '{"text": "x", "colour": "red"}')], "colour: Extra inputs"),
    "it raises": ([call("raises")], "raises failed with RuntimeError."),
    "it refuses": ([call("refuses")], "This glossary is closed; try the other one."),
    "it exits": ([call("exits")], "exits failed with SystemExit."),
    "it cancels itself": ([call("cancels_itself")], "cancels_itself gave up."),
    "it hangs": ([call("hangs")], "hangs did not end within 1 s and was stopped."),
    "it ignores being cancelled": ([call("ignores_cancellation")], "did not end within 1 s and was stopped."),
    "it blocks the event loop": ([call("blocks")], "blocked"),
    "it returns fifty megabytes": ([call("floods")], "[cut here: 20000 of 48000000 characters]"),
    "it returns half characters": ([call("says_half_characters")], "half ? \x00 \u2028"),
    "it returns what JSON cannot represent": ([call("gives_an_odd_thing")], '"a set":[1]'),
    "it prints megabytes": ([call("prints")], "printed"),
    "it recurses without end": ([call("recurses")], "recurses failed with RecursionError."),
    "a hundred calls at once": ([call("echo", '{"text": "spam"}')] * 100, "spam"),
}


@pytest.fixture(scope="session")
def faulty(faulty_project: Path, serve: Serve, upstream: Upstream) -> Target:
    return serve(faulty_project, {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_TOOL_SECONDS": "1"})


def scripted(calls: list[dict[str, str]]) -> str:
    turns: list[dict[str, Any]] = [
        {"tokens": 0, "calls": calls, "finish": "tool_calls"},
        {"tokens": 3, "word": "recovered"},
    ]
    return f"mock{json.dumps({'turns': turns})}"


def told(target: Target) -> list[str]:
    """The tool messages in the last request to the model."""
    assert target.upstream is not None
    messages = target.upstream.requests()[-1]["body"]["messages"]
    return [message["content"] for message in messages if message["role"] == "tool"]


def events(stream: Stream) -> list[dict[str, Any]]:
    return [delta["janus"] for _, delta in stream.deltas if "janus" in delta]


@pytest.mark.torture("F", "faults of a tool, for each backend and mode")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_stream_recovers(fault: str, faulty: Target) -> None:
    lateness.measured_on_time(lambda: expect_a_stream_that_recovers(fault, faulty))  # tools have one second here


def expect_a_stream_that_recovers(fault: str, faulty: Target) -> None:
    calls, sentence = FAULTS[fault]
    stream = faulty.read_stream(question(scripted(calls), stream=True))
    well_formed(stream, fault)
    assert stream.text.endswith("recovered0 recovered1 recovered2 ")
    assert stream.finish_reasons == ["stop"]
    assert CANARY not in repr(stream.lines)
    assert sentence in told(faulty)[0]
    assert len(told(faulty)) == len(calls)
    started = [event["payload"]["id"] for event in events(stream) if event["event"] == "tool_start"]
    ended = [event["payload"]["id"] for event in events(stream) if event["event"] == "tool_end"]
    assert started
    assert sorted(started) == sorted(ended)
    assert len(set(started)) == len(started)


@pytest.mark.torture("F", "faults of a tool, for each backend and mode")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_whole_answer_recovers(fault: str, faulty: Target) -> None:
    reply = faulty.ask(scripted(FAULTS[fault][0]))
    assert reply.status == 200
    choice = reply.json()["choices"][0]
    assert choice["message"]["content"].endswith("recovered0 recovered1 recovered2 ")
    assert choice["finish_reason"] == "stop"
    assert CANARY.encode() not in reply.body


@pytest.mark.parametrize(
    ("calls", "turns"), [([call("echo", '{"text": "spam"}')], 8), ([call("rm_rf")], 8), ([call("floods")] * 3, 2)]
)
def test_a_model_that_never_stops_calling_is_stopped(calls: list[dict[str, str]], turns: int, faulty: Target) -> None:
    """The answer ends at the maximum number of turns, or at the maximum size of tool output."""
    forever = f"mock{json.dumps({'tokens': 0, 'calls': calls, 'finish': 'tool_calls'})}"
    stream = faulty.stream(forever)
    well_formed(stream)
    assert stream.text
    assert stream.finish_reasons == ["stop"]
    assert faulty.upstream is not None
    last = faulty.upstream.requests()[-1]["body"]
    assert last["tool_choice"] == "none"
    assert sum(message["role"] == "assistant" for message in last["messages"]) <= turns


def test_an_upstream_that_dies_between_two_turns_leaves_a_well_formed_answer(faulty: Target) -> None:
    turns = [{"tokens": 2, "calls": [call("echo", '{"text": "spam"}')]}, {"tokens": 9, "die": 2}]
    stream = faulty.stream(f"mock{json.dumps({'turns': turns})}")
    well_formed(stream)
    assert "broke off" in stream.text
    assert stream.text.startswith("tok0 tok1 ")


def test_a_tool_has_no_more_time_than_the_answer(faulty_project: Path, serve: Serve, upstream: Upstream) -> None:
    """The tool may take a minute, but the answer only 6 s. The tool is stopped in time for the model to finish."""
    quick = serve(faulty_project, {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_TIMEOUT": "12"})
    quick.ask("Hello")  # the first request may wait until the backend is imported

    def expect_an_ending() -> None:
        stream = quick.read_stream(question(scripted([call("hangs")]), stream=True))
        well_formed(stream)
        assert stream.text == "recovered0 recovered1 recovered2 "
        assert stream.finish_reasons == ["stop"]

    lateness.measured_on_time(expect_an_ending)
