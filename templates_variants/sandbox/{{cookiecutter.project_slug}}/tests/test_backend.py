"""Yours: the tests of your backend. They talk to the real server over a real socket."""

from competitor.adapters.cli_agents.stand_in.sandboxes import StandIn
from competitor.adapters.cli_agents.stand_in.server import serving
from competitor.checks import Target
from competitor.checks.target import question

from .contract.processes import Launcher


def test_the_answer_is_the_model_s(target: Target) -> None:
    stream = target.stream('mock{"word": "pong", "tokens": 3}')
    assert stream.text == "pong0 pong1 pong2 "
    assert stream.done


def test_the_conversation_reaches_the_model_as_it_is(target: Target) -> None:
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello, Ada."},
        {"role": "user", "content": "What is my name?"},
    ]
    target.ask(messages=conversation)
    assert target.upstream is not None
    got = target.upstream.requests()[-1]["body"]["messages"]
    assert got[-len(conversation) :] == conversation  # before it may come a system prompt of yours


def test_work_on_a_file_is_done_in_a_sandbox(launch: Launcher) -> None:
    with serving(StandIn()) as (url, sandboxes):
        server = launch({"SANDY_BASE_URL": url})
        stream = server.read_stream(question("Create a file notes.md that says hello.", stream=True))
    events = [delta["janus"] for _, delta in stream.deltas if "janus" in delta]
    assert [event["event"] for event in events] == [
        "sandbox_start", "tool_start", "tool_end", "artifacts", "sandbox_end",
    ]  # fmt: skip
    assert events[3]["payload"]["items"][0]["display_name"] == "notes.md"
    assert stream.usages[0]["sandbox_seconds"] > 0
    assert not sandboxes.folders
    assert len(sandboxes.terminated) == 1


def test_without_a_sandbox_the_model_answers_and_says_so(target: Target) -> None:
    stream = target.stream('Create a file notes.md. mock{"word": "pong", "tokens": 3}')
    assert stream.text == "pong0 pong1 pong2 "
    assert "No sandbox is configured" in stream.reasoning
