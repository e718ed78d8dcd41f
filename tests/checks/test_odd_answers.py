"""Tests that no case has a fault of its own, whatever a server sends: each server puts one odd value everywhere."""

import itertools
import json
from typing import Any

import pytest

from competitor.checks import PROMPTS, Target, stand_in
from competitor.checks.judging import judge_all

from .responders import Respond, responding

ODD: dict[str, Any] = {
    "a_number": 5,
    "a_text": "x",
    "a_list": [1, "x", None],
    "nested_lists": [[[]]],
    "an_object": {"a": 1},
    "null": None,
    "a_boolean": True,
    "a_huge_number": 10**30,
}
QUICK = ("a_list", "an_object")  # what `make test` runs; `make mutants` runs all
PROMPT_NAMES = ("events", "events_failing", "artifact", "artifact_linked", "image", "speech", "image_jpeg")


def whole(odd: Any) -> list[Any]:
    """Whole answers with an odd value at each place."""
    good: dict[str, Any] = {"role": "assistant", "content": "x", "reasoning_content": "", "artifacts": []}
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [{**good, name: odd} for name in (*good, "tool_calls")]
    messages += [{**good, "tool_calls": [odd]}, {**good, "tool_calls": [{**call, "function": odd}]}]
    messages += [{**good, "artifacts": [odd]}, {**good, "artifacts": [{"url": odd, "id": odd, "ttl_seconds": odd}]}]
    choices = [[{"index": 0, "message": message, "finish_reason": "stop"}] for message in (odd, *messages)]
    answers = [{"choices": each, "usage": {"prompt_tokens": 1}} for each in (odd, [odd], *choices)]
    return [odd, *answers, {**answers[-1], "usage": odd}]


def streamed(odd: Any) -> list[list[Any]]:
    """Streams with an odd value at each place."""
    item = {"url": odd, "id": odd, "ttl_seconds": odd, "mime_type": odd, "size_bytes": odd}
    payloads = [odd, {"items": odd}, {"items": [odd]}, {"items": [item]}]
    events = [odd, *({"event": "artifacts", "payload": each} for each in payloads), {"event": odd, "payload": {}}]
    deltas = [{name: odd} for name in ("role", "content", "reasoning_content", "tool_calls", "janus")]
    deltas += [{"tool_calls": [odd]}, {"tool_calls": [{"index": odd, "function": odd}]}]
    deltas += [{"janus": each} for each in events]
    chunks = [{"choices": [{"index": 0, "delta": each, "finish_reason": odd}], "usage": odd} for each in (odd, *deltas)]
    return [[odd], [{"choices": odd}], [{"choices": [odd]}], *([chunk] for chunk in chunks), chunks]


def in_turn(bodies: list[Any], streams: list[list[Any]]) -> Respond:
    """Answers with these bodies and streams in turn."""
    turns = itertools.count()

    def respond(path: str, asked: bytes) -> tuple[int, str, bytes]:
        number = next(turns)
        if b'"stream": true' not in asked and "stream" not in path:
            return 200, "application/json", json.dumps(bodies[number % len(bodies)]).encode()
        frames = [f"data: {json.dumps(chunk)}\n\n" for chunk in streams[number % len(streams)]]
        return 200, "text/event-stream", "".join([*frames, "data: [DONE]\n\n"]).encode()

    return respond


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in ODD])
def test_whatever_a_server_sends_no_case_has_a_fault(kind: str) -> None:
    prompts = {**PROMPTS, **{name: name for name in PROMPT_NAMES}}
    with stand_in() as upstream, responding(in_turn(whole(ODD[kind]), streamed(ODD[kind]))) as url:
        for _ in range(3):  # other turns
            target = Target(url, prompts, lambda environment: Target(url, timeout=5), upstream, timeout=5)
            verdicts = judge_all([target])
            faults = {each.case.id: each.reason for each in verdicts if each.status == "fault"}
            assert not faults
            assert all(each.reason for each in verdicts if each.status != "holds")
