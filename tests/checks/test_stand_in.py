"""Tests that the stand-in is a fair upstream: it also answers without a stream, and calls a tool on demand."""

from collections.abc import Iterator
from typing import Any

import pytest

from competitor.checks import PROMPTS, Target, Upstream, stand_in
from competitor.checks.prompts import mock
from competitor.checks.sources.answers import FORCED, WEATHER
from competitor.checks.stand_in import merged
from competitor.checks.target import question

CALCULATOR = {"type": "function", "function": {"name": "calculator", "parameters": {"required": ["term"]}}}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with stand_in() as started:
        yield started


@pytest.fixture(scope="module")
def target(upstream: Upstream) -> Target:
    return Target(upstream.url)


def test_without_a_stream_the_same_answer_is_one_json_object(target: Target) -> None:
    whole = target.ask(mock(tokens=3, reasoning=1)).json()
    (choice,) = whole["choices"]
    assert whole["object"] == "chat.completion"
    assert choice["message"]["content"] == "tok1 tok2 "
    assert choice["message"]["reasoning_content"] == "tok0 "
    assert choice["finish_reason"] == "stop"
    assert whole["usage"] == {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


def test_tool_calls_are_put_together(target: Target) -> None:
    calls = target.ask(PROMPTS["calls"]).calls
    assert [call["function"]["name"] for call in calls] == ["get_weather", "get_weather"]
    assert calls[1]["function"]["arguments"] == '{"city": "Rome"}'
    (signed,) = target.ask(PROMPTS["calls_signed"]).calls
    assert "extra_content" in signed


def test_usage_in_unusual_places_stays_there(target: Target) -> None:
    assert target.ask(PROMPTS["usage_in_x_groq"]).json()["x_groq"]["usage"]["prompt_tokens"] == 1234
    assert target.ask(PROMPTS["usage_in_choice"]).json()["choices"][0]["usage"]["prompt_tokens"] == 1234


def test_a_failure_is_one_without_a_stream_too(target: Target) -> None:
    assert target.ask(PROMPTS["error_in_stream"]).status == 500
    assert target.ask(PROMPTS["garbage"]).body == b"data: {not json}\n\n"
    assert target.ask(PROMPTS["empty"]).body == b""


@pytest.mark.parametrize("choice", ["required", FORCED])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_that_is_demanded_is_called(choice: object, streamed: bool, target: Target) -> None:
    fields: dict[str, Any] = {"tools": [WEATHER], "tool_choice": choice}
    if streamed:
        assert target.stream("The weather?", **fields).finish_reasons == ["tool_calls"]
    else:
        (call,) = target.ask("The weather?", **fields).calls
        assert call["function"] == {"name": "get_weather", "arguments": '{"city": "17 * 23"}'}


@pytest.mark.parametrize("tools", [[{"type": "function"}], ["x"], [{"type": "function", "function": {"name": 1}}]])
def test_a_tool_without_a_function_is_not_called(tools: list[Any], target: Target) -> None:
    asked = {**question(mock(tokens=2, use_tool=True)), "tools": tools, "tool_choice": "required"}
    assert target.post(asked).message["content"] == "tok0 tok1 "


def test_a_tool_of_the_competitor_s_own_is_called_once(target: Target) -> None:
    own = PROMPTS["own_tool"]
    (call,) = target.ask(own, tools=[WEATHER, CALCULATOR]).calls
    assert call["function"]["name"] == "calculator"
    said = [{"role": "user", "content": own}, {"role": "assistant", "tool_calls": [call]}]
    again = target.post(question(messages=said, tools=[CALCULATOR]))
    assert again.message["content"].count("tok") == 5


def test_each_request_has_a_state_and_can_be_found_by_its_words(target: Target, upstream: Upstream) -> None:
    target.ask("only once, please")
    (found,) = upstream.requests_with("only once, please")
    assert found["state"] == "done"
    assert upstream.requests_with("never said") == []


def test_separators_within_a_text_end_no_line() -> None:
    line = 'data: {"choices": [{"delta": {"content": "a\u2028b"}}]}\n\n'.encode()
    status, body = merged(line)
    assert (status, body["choices"][0]["message"]["content"]) == (200, "a\u2028b")
