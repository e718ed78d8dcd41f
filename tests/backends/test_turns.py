"""Tests usage and texts over several turns of a tool loop, and the progress notes of a long turn."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from competitor.checks import Target, Upstream
from competitor.checks.clauses.stream import GAP_SECONDS, well_formed
from competitor.checks.target import question

from ..template_path import contract_tests
from .conftest import Serve

lateness = contract_tests("lateness")

CALLS = [
    {"name": "calculator", "arguments": '{"expression": "6 * 7"}'},
    {"name": "run_code", "arguments": '{"code": "print(1)"}'},
]


def turns(*scripts: dict[str, object]) -> str:
    return f"mock{json.dumps({'turns': scripts})}"


@pytest.fixture(scope="module")
def priced(project: Path, serve: Serve, upstream: Upstream) -> Target:
    prices = {"JANUS_PRICE_PROMPT": "2", "JANUS_PRICE_COMPLETION": "4"}
    return serve(project, {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LOCAL_CODE": "true", **prices})


@pytest.mark.parametrize("whole", [False, True])
def test_usage_and_cost_are_the_sums_of_all_calls_of_the_model(whole: bool, priced: Target) -> None:
    """The mock counts 11 tokens for each prompt, plus the tokens that it sends."""
    prompt = turns({"tokens": 5, "calls": CALLS}, {"tokens": 2, "calls": CALLS[:1]}, {"tokens": 3})
    used = priced.ask(prompt).json()["usage"] if whole else priced.stream(prompt).usages[0]
    assert used["prompt_tokens"] == 3 * 11
    assert used["completion_tokens"] == 5 + 2 + 3
    assert used["total_tokens"] == 43
    assert used["cost_usd"] == pytest.approx((33 * 2 + 10 * 4) / 1e6)
    assert 0 < used["sandbox_seconds"] < 30


def test_the_model_gets_its_calls_and_their_results_in_order(priced: Target) -> None:
    priced.stream(turns({"tokens": 2, "calls": CALLS}, {"tokens": 1}))
    assert priced.upstream is not None
    _, asked, first, second = priced.upstream.requests()[-1]["body"]["messages"]
    assert asked["content"] == "tok0 tok1 "
    assert [call["function"] for call in asked["tool_calls"]] == CALLS
    assert [first["tool_call_id"], second["tool_call_id"]] == [call["id"] for call in asked["tool_calls"]]
    assert first["content"] == "6 * 7 = 42"
    assert second["content"] == "1\n"


def test_a_few_words_before_a_call_become_reasoning(priced: Target) -> None:
    stream = priced.stream(turns({"tokens": 1, "word": "Look", "calls": CALLS[:1]}, {"tokens": 1, "word": "There"}))
    assert stream.text == "There0 "
    assert "Look0" in stream.reasoning


def test_a_long_text_before_a_call_is_separated_from_the_text_after_it(priced: Target) -> None:
    long = "Look" * 30
    stream = priced.stream(turns({"tokens": 1, "word": long, "calls": CALLS[:1]}, {"tokens": 1, "word": "There"}))
    assert stream.text == f"{long}0 \n\nThere0 "


def test_a_slow_tool_is_reported_again_and_again_while_it_runs(priced: Target) -> None:
    slow = {"name": "run_code", "arguments": json.dumps({"code": "import time; time.sleep(6)"})}
    with lateness.Lateness() as late:
        stream = priced.stream(turns({"tokens": 0, "calls": [slow]}, {"tokens": 1}))
    well_formed(stream)
    words = [stream.sent + at for at, delta in stream.deltas if delta.get("reasoning_content") or delta.get("content")]
    assert max(end - start - late.between(start, end) for start, end in pairwise(words)) <= GAP_SECONDS + 0.5
    assert late.largest_gap(stream) <= GAP_SECONDS
    assert stream.reasoning.count("Running") >= 4


def test_a_client_that_leaves_ends_the_tools(priced: Target) -> None:
    """If the tool ran to its end, it would cause one more request to the model."""
    slow = {"name": "run_code", "arguments": json.dumps({"code": "import time; time.sleep(2)"})}
    asked = question(turns({"tokens": 0, "calls": [slow]}, {"tokens": 1}))

    def leave() -> None:
        assert priced.upstream is not None
        before = len(priced.upstream.requests())
        priced.half_read({**asked, "stream": True}, lines=8)
        priced.post(asked)
        assert len(priced.upstream.requests()) == before + 3, "the first tool loop continued after its client had gone"

    lateness.measured_on_time(leave)
