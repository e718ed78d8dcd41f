"""Tests what is learnt from the errors of servers, for which server, and for how long."""

import json
from typing import Any

import pytest

from competitor.core.errors import UpstreamError
from competitor.core.model.refusals import (
    REMEMBERED_SECONDS,
    WITH_ALL_REASONING,
    WITH_REASONING,
    WITHOUT_REASONING,
    Refusals,
    change_for,
    changed,
)
from competitor.core.request.parsing import parse_request

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
REQUEST = parse_request(json.dumps(ASKED).encode())
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"a": 1}}
TURN: list[dict[str, Any]] = [
    {"role": "user", "content": "x"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "y"},
]
THOUGHT = {**TURN[1], "reasoning_content": "I think."}
SENT: dict[str, Any] = {
    "model": "m",
    "messages": [TURN[0], THOUGHT, TURN[2]],
    "max_tokens": 5,
    "tool_choice": "none",
    "stream": True,
    "stream_options": {"include_usage": True},
}


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ('{"error":{"message":"Unknown parameter: stream_options"}}', "without stream_options"),
        ("stream is not supported by this model", "without stream"),
        ("the stream has ended before the upload", None),
        ('{"detail":[{"loc":["body","stream_options","include_usage"],"msg":"extra"}]}', "without stream_options"),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_completion_tokens"),
        ("max_tokens must be at most 4096", None),
        ("tool_choice is not supported", "without tool_choice"),
        ("messages.1.tool_calls.0.extra_content: Extra inputs are not permitted", "without vendor fields"),
        ("Function call is missing a thought_signature in functionCall parts.", None),
        # Kimi; DeepSeek, newer and older
        ("thinking is enabled but reasoning_content is missing in assistant tool call message", WITH_ALL_REASONING),
        ("The `reasoning_content` in the thinking mode must be passed back to the API.", WITH_ALL_REASONING),
        ("Please remove the reasoning_content from your message.", WITHOUT_REASONING),
        ("messages.1.reasoning_content: Extra inputs are not permitted", WITHOUT_REASONING),
        ("temperature must be 1", None),
        ("", None),
    ],
)
def test_an_error_that_names_a_field_of_ours_leads_to_a_change(said: str, change: str | None) -> None:
    for status in (400, 422):
        assert change_for(UpstreamError("refused", said, status=status), SENT, REQUEST, "auto") == change
    assert change_for(UpstreamError("busy", said, status=429), SENT, REQUEST, "auto") is None


def test_with_the_setting_off_no_reasoning_is_sent_even_if_the_server_asks_for_it() -> None:
    error = UpstreamError("refused", "reasoning_content is missing", status=400)
    assert change_for(error, {**SENT, "messages": TURN}, REQUEST, "off") is None


def test_each_change_does_what_it_says() -> None:
    names = ["without stream_options", "without tool_choice", "without vendor fields", "max_completion_tokens"]
    made = changed(SENT, [*names, WITHOUT_REASONING], REQUEST)
    call = {name: CALL[name] for name in ("id", "type", "function")}
    messages = [TURN[0], {**TURN[1], "tool_calls": [call]}, TURN[2]]
    assert made == {"model": "m", "messages": messages, "max_completion_tokens": 5, "stream": True}
    assert changed(SENT, ["without stream"], REQUEST).keys() == SENT.keys() - {"stream", "stream_options"}
    assert SENT["messages"][1] == THOUGHT  # a copy was changed
    assert changed({**SENT, "messages": TURN}, [WITH_ALL_REASONING], REQUEST)["messages"][1]["reasoning_content"]
    assert "reasoning_content" not in changed({**SENT, "messages": TURN}, [WITH_REASONING], REQUEST)["messages"][1]


def test_what_one_server_refuses_is_remembered_for_it_for_an_hour() -> None:
    now = 0.0
    refusals = Refusals(lambda: now)
    refusals.learn("https://one", ["without stream_options"])
    assert refusals.changes("https://one", "auto") == ["without stream_options"]
    assert refusals.changes("https://other", "auto") == []
    now = REMEMBERED_SECONDS + 1
    assert refusals.changes("https://one", "auto") == []


def test_the_newest_of_two_opposites_counts() -> None:
    refusals = Refusals()
    refusals.learn("https://one", [WITH_ALL_REASONING, "max_tokens"])
    refusals.learn("https://one", [WITHOUT_REASONING, "max_completion_tokens"])
    assert set(refusals.changes("https://one", "auto")) == {WITHOUT_REASONING, "max_completion_tokens"}
