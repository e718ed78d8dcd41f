"""Yours: the tests of your backend. They talk to the real server over a real socket."""

import base64
import random

from competitor.checks import Target


def test_tools_are_run_at_once_and_the_answer_has_what_they_said(offline: Target) -> None:
    chance = random.Random()
    one, other, name = chance.randrange(10_000), chance.randrange(10_000), f"{chance.randrange(10_000)}.txt"
    stream = offline.stream(f"What is {one} * {other}? Also create a file {name} that contains spam.")
    events = [delta["janus"]["event"] for _, delta in stream.deltas if "janus" in delta]
    assert sorted(events) == ["artifacts", "tool_end", "tool_end", "tool_start", "tool_start"]
    assert f"= {one * other}" in stream.text
    assert f"[{name}](data:text/plain;base64,{base64.b64encode(b'spam').decode()})" in stream.text
    assert stream.finish_reasons == ["stop"]


def test_a_model_that_never_stops_calling_tools_is_stopped(target: Target) -> None:
    stream = target.stream(
        'mock{"tokens": 0, "calls": [{"name": "calculator", "arguments": "{\\"expression\\": \\"6*7\\"}"}]}'
    )
    assert "6*7 = 42" in stream.text
    assert stream.finish_reasons == ["stop"]
    assert stream.done
