"""Tests misbehaving backends: each answer ends correctly, and the next request works."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.responses import Stream
from competitor.checks.target import question

from ...scripted_backend import DEEDS
from ..servers import SCRIPTED, Lateness, Launch

FAILED = "This competitor failed while it answered."
# For each deed of the scripted backend: the end of its answer's text, and the finish reason.
ENDS = {
    "raises_first": (FAILED, "stop"),
    "raises_later": (FAILED, "stop"),
    "yields_nothing": ("The answer is empty.", "stop"),
    "wrong_type": (FAILED, "stop"),
    "text_of_number": (FAILED, "stop"),
    "after_the_end": ("All of it.", "length"),
    "recursion": (FAILED, "stop"),
    "exits": (FAILED, "stop"),
    "cancels_itself": (FAILED, "stop"),
    "not_a_generator": (FAILED, "stop"),
    "a_coroutine": (FAILED, "stop"),
    "unpaired": ("Done.", "stop"),
    "blocks": ("after", "stop"),
    "half_pairs": ("smile \U0001f600 lone \ufffd end", "stop"),
    "many_events": ("x" * 50, "stop"),
}
misdeed = pytest.mark.torture("B", "misbehaviours of a backend, for each mode")
# These backends never end by themselves: the time limit ends them.
ENDLESS = ("ignores_cancellation", "raises_in_finally", "sleeps")


@misdeed
@pytest.mark.parametrize("deed", ENDS)
def test_a_stream_ends_in_good_form(deed: str, core: Target) -> None:
    stream = core.stream(deed)
    well_formed(stream, deed)
    text, reason = ENDS[deed]
    assert stream.text.endswith(text)
    assert stream.finish_reasons == [reason]
    assert "canary" not in repr(stream.lines)
    assert core.stream("events").done


@misdeed
@pytest.mark.parametrize("deed", ENDS)
def test_a_whole_answer_ends_in_good_form(deed: str, core: Target) -> None:
    reply = core.ask(deed)
    assert reply.status == 200
    text, reason = ENDS[deed]
    choice = reply.json()["choices"][0]
    assert choice["message"]["content"].endswith(text)
    assert choice["finish_reason"] == reason
    assert b"canary" not in reply.body


def test_every_deed_is_tested() -> None:
    elsewhere = {
        "events",
        "one_large_event",
        "client_calls",
        "iterates",
        "a_tool_named",
        "artifact",
        "artifact_not_yielded",
        "raises_secrets",
        "logs_secrets",
    }
    assert set(DEEDS) == {*ENDS, *ENDLESS, *elsewhere}


@misdeed
@pytest.mark.parametrize("deed", ENDLESS)
def test_a_backend_that_never_ends_is_ended(deed: str, limited: Target) -> None:
    with Lateness() as late, ThreadPoolExecutor(1) as pool:
        whole = pool.submit(limited.post, question(deed))
        stream = limited.read_stream(question(deed, stream=True))
    well_formed(stream, deed)
    assert stream.finish_reasons == ["length"]
    assert "time limit" in stream.text
    assert stream.seconds < 4 + late.between(stream.sent, stream.sent + stream.seconds)
    assert whole.result().json()["choices"][0]["finish_reason"] == "length"


@pytest.fixture(scope="module")
def limited(launch: Launch) -> Target:
    """The core with a JANUS_TIMEOUT of 3 s, so that answers end after 1.5 s, and a maximum answer size of 1 MB."""
    environment = {"JANUS_TIMEOUT": "3", "JANUS_MAX_ANSWER_BYTES": "1000000"}
    return launch(environment, *SCRIPTED)


def test_a_text_of_50_mb_is_cut_at_the_limit_and_leaves_in_pieces(limited: Target) -> None:
    stream = limited.read_stream(question("one_large_event", stream=True))
    well_formed(stream)
    assert stream.finish_reasons == ["length"]
    assert 1_000_000 <= len(stream.text) < 1_100_000
    assert max(len(line) for _, line in stream.lines) < 32 * 1024


def test_every_start_gets_its_end(core: Target) -> None:
    events = [delta["janus"] for _, delta in core.stream("unpaired").deltas if "janus" in delta]
    assert [event["event"] for event in events] == ["tool_start", "tool_end"]
    assert events[1]["payload"]["status"] == "error"


def test_usage_of_the_backend_s_own_is_reported(core: Target) -> None:
    expected = {
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "total_tokens": 30,
        "cost_usd": 0.001,
        "sandbox_seconds": 1.5,
    }
    assert core.stream("events").usages == [expected]


def test_calls_of_client_tools_go_out_and_others_do_not(core: Target) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    whole = core.ask("client_calls", tools=tools).json()["choices"][0]
    assert [call["function"] for call in whole["message"]["tool_calls"]] == [
        {"name": "get_weather", "arguments": '{"city": "Paris"}'},
        {"name": "get_weather", "arguments": "{}"},
    ]
    assert whole["finish_reason"] == "tool_calls"
    assert _assembled(core.stream("client_calls", tools=tools)) == ['{"city": "Paris"}', "{}"]


def test_a_completion_can_be_looked_at_piece_by_piece_and_its_usage_adds_up(core: Target) -> None:
    stream = core.stream('iterates mock{"tokens": 4}')
    well_formed(stream)
    assert stream.text == "tok0 tok1 tok2 tok3 [20 characters, stop]tok0 tok1 tok2 tok3 tok4 "
    assert stream.usages[0]["prompt_tokens"] == 22
    assert stream.usages[0]["completion_tokens"] == 4 + 5


def _assembled(stream: Stream) -> list[str]:
    calls: dict[int, str] = {}
    for _, delta in stream.deltas:
        for piece in delta.get("tool_calls", ()):
            calls[piece["index"]] = calls.get(piece["index"], "") + piece["function"].get("arguments", "")
    return [calls[index] for index in sorted(calls)]
