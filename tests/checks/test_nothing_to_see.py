"""Tests that no case holds on a server that gives it nothing to see. Each blank server answers everything alike."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from competitor.checks import PROMPTS, Target, Upstream, stand_in
from competitor.checks.judging import judge_all

from .responders import responding

JSON, SSE = "application/json", "text/event-stream"
_EMPTY_ANSWER: dict[str, object] = {"choices": [{"message": {}, "finish_reason": None}], "usage": {}}
# For each blank server: the status, the content type and the body of every response.
BLANK: dict[str, tuple[int, str, bytes]] = {
    "not_found": (404, "text/html", b"<html>Not found</html>"),
    "refuses_everything": (400, JSON, b'{"error": {"message": "no", "type": "x", "param": null, "code": null}}'),
    "unauthorized": (401, JSON, b"{}"),
    "empty": (200, "text/plain", b""),
    "empty_object": (200, JSON, b"{}"),
    "empty_list": (200, JSON, b"[]"),
    "null": (200, JSON, b"null"),
    "empty_answer": (200, JSON, json.dumps(_EMPTY_ANSWER).encode()),
    "empty_stream": (200, SSE, b""),
    "only_done": (200, SSE, b"data: [DONE]\n\n"),
    "only_pings": (200, SSE, b": ping\n\n" * 3 + b"data: [DONE]\n\n"),
    "empty_chunks": (200, SSE, b'data: {"choices": []}\n\ndata: [DONE]\n\n'),
    "html": (200, "text/html", b"<html>Welcome</html>"),
}
# What `make test` runs; `make mutants` runs all.
QUICK = ("not_found", "empty_object", "empty_answer", "empty_chunks")


def blank(kind: str) -> AbstractContextManager[str]:
    """Runs a blank server. Yields its URL."""
    return responding(lambda path, body: BLANK[kind])


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with stand_in() as started:
        yield started


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in BLANK]
)
def test_no_case_holds_on_a_server_that_shows_nothing(kind: str, upstream: Upstream) -> None:
    """Not even with prompts for everything, a stand-in, and a command that starts more such servers."""
    prompts = {**PROMPTS, **{name: name for name in ("events", "artifact", "artifact_linked", "image", "speech")}}
    with blank(kind) as url:
        target = Target(url, prompts, lambda environment: Target(url, timeout=5), upstream, timeout=5)
        verdicts = judge_all([target])
    held = {verdict.case.id: verdict.case.title for verdict in verdicts if verdict.status == "holds"}
    assert not held
    faults = {verdict.case.id: verdict.reason for verdict in verdicts if verdict.status == "fault"}
    assert not faults
    for verdict in verdicts:
        assert verdict.reason
        assert verdict.evidence or verdict.status == "not shown"


def test_without_prompts_and_without_a_stand_in_a_case_says_what_it_lacks() -> None:
    with blank("empty_object") as url:
        verdicts = judge_all([Target(url, timeout=5)])
    reasons = {verdict.case.id: verdict.reason for verdict in verdicts if verdict.status == "not shown"}
    assert "--start" in reasons["S14/1"]
    assert "no known prompt" in reasons["S13/1"]
    assert "no start command was given" in reasons["E9/1"]
    assert not [verdict for verdict in verdicts if verdict.status == "holds"]
