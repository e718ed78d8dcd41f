"""Tests the behaviours of the simulated gateway that made real competitors fail, and the scores of the arena."""

import json
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import hypothesis
import pytest
from hypothesis import strategies

from competitor.checks import Target, Upstream, stand_in
from competitor.checks.commands.arena import board
from competitor.checks.commands.gateway import accepted, gateway, is_token, without_nulls
from competitor.checks.figures import Figure, measure
from competitor.checks.responses import Json
from competitor.checks.target import question

from .harness import serving
from .plain_server import Plain, Refused

ANSWER = {
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    "choices": [{"message": {"content": "x", "artifacts": []}, "finish_reason": "stop"}],
}


class RefusesAll(Plain):
    def check(self, asked: Json) -> None:
        raise Refused("messages", "not today", 418)


class Redirects(Plain):
    def route(self, method: str, path: str) -> str | None:
        return None


class CountsHalves(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {"prompt_tokens": 0.5, "completion_tokens": 0.5, "total_tokens": 1}


class NamesItsEvents(Plain):
    def frame(self, chunk: Json) -> bytes:
        return b"event: chunk\nid: 7\nretry: 1\n" + super().frame(chunk)


class OnlyPings(Plain):
    def words(self) -> Json | None:
        return None


class Echoes(Plain):
    """A server that answers with the request that it got, as text."""

    def scripted(self, asked: Json) -> Iterator[Json]:
        return iter([{"content": json.dumps(asked)}])


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with stand_in() as started:
        yield started


@pytest.mark.parametrize("kind", [RefusesAll, Redirects, CountsHalves])
def test_the_gateway_turns_an_answer_that_it_does_not_accept_into_a_bare_500(
    kind: type[Plain], upstream: Upstream
) -> None:
    with serving(kind, upstream) as target, gateway(target.url) as front:
        reply = Target(front).ask()
    assert reply.status == 500
    assert reply.json() == {"detail": "Internal Server Error"}


def test_if_the_competitor_is_down_the_gateway_answers_500(upstream: Upstream) -> None:
    with serving(Plain, upstream) as target:
        url = target.url
    with gateway(url.replace(str(urlsplit(url).port), "9")) as front:
        assert Target(front).ask().status == 500


def test_the_gateway_removes_nulls_and_the_key_from_a_request_and_adds_two_fields(upstream: Upstream) -> None:
    with serving(Echoes, upstream) as target, gateway(target.url) as front:
        call: Json = {"role": "assistant", "content": None, "tool_calls": []}
        body = question(messages=[{"role": "user", "content": "hi", "name": None}, call], user=None)
        reply = Target(front).post(body, {"authorization": "Bearer secret"})
    sent = json.loads(reply.json()["choices"][0]["message"]["content"])
    assert sent["messages"] == [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": []}]
    assert (sent["enable_memory"], sent["debug"]) == (False, False)
    assert "user" not in sent


def test_the_gateway_passes_on_only_data_lines_and_comments(upstream: Upstream) -> None:
    with serving(NamesItsEvents, upstream) as target, gateway(target.url) as front:
        stream = Target(front).stream()
    assert stream.done
    assert all(not line or line.startswith((b"data:", b":")) for _, line in stream.lines)


def test_the_gateway_cuts_off_a_stream_without_a_token_after_five_seconds(upstream: Upstream) -> None:
    with serving(OnlyPings, upstream) as target, gateway(target.url) as front:
        stream = Target(front).stream('mock{"wait": 30}')
    assert not stream.done
    assert stream.seconds >= 5
    assert any(line.startswith(b": ping") for _, line in stream.lines)


def test_when_the_caller_disconnects_the_work_behind_the_gateway_ends(upstream: Upstream) -> None:
    with serving(Plain, upstream) as target, gateway(target.url) as front:
        before = upstream.stats()["cut"]
        Target(front).half_read(question('mock{"endless": true, "delay": 0.01}', stream=True))
        deadline = time.monotonic() + 60
        while upstream.stats()["cut"] == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@hypothesis.given(
    strategies.recursive(
        strategies.none() | strategies.integers() | strategies.text(),
        lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    )
)
def test_no_null_remains_in_any_json_value(value: object) -> None:
    cleaned = without_nulls({"a": value})
    assert without_nulls(cleaned) == cleaned
    assert is_token(json.dumps(cleaned).encode()) is False
    assert accepted(cleaned) is False


@pytest.mark.parametrize(
    ("good", "change"),
    [
        (True, {}),
        (False, {"usage": None}),
        (False, {"usage": {"prompt_tokens": True, "completion_tokens": 1, "total_tokens": 2}}),
        (False, {"choices": []}),
        (False, {"choices": [{"message": {}, "finish_reason": "eos"}]}),
        (False, {"choices": [{"message": {"artifacts": [{"id": "a"}]}, "finish_reason": "stop"}]}),
        (True, {"choices": [{"message": {"artifacts": [{"display_name": "a"}]}, "finish_reason": "stop"}]}),
    ],
)
def test_a_whole_answer_is_accepted_if_it_has_the_fields_that_the_gateway_requires(good: bool, change: Json) -> None:
    assert accepted({**ANSWER, **change}) is good


def test_a_server_is_scored_through_the_gateway(upstream: Upstream) -> None:
    with serving(Plain, upstream) as target, gateway(target.url) as front:
        figures = measure(Target(front), quick=True)
    assert [figure.name for figure in figures] == ["streaming", "speed", "cost"]
    assert all(figure.reason for figure in figures)


def test_the_board_adds_up_the_points_of_the_figures() -> None:
    shown = board([Figure("streaming", 50, 15, "why"), Figure("speed", 100, 20, "why"), Figure("cost", 0, 15, "why")])
    assert "27.5 of 50 points" in shown
