"""Each vendor's stream, as samples/*.sse has it, becomes one and the same answer."""

import json
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.clauses.requests import WEATHER
from competitor.checks.clauses.stream import well_formed

SAMPLES = Path(__file__).parent / "samples"
REASONING = ("vllm_reasoning_content", "vllm_reasoning", "vllm_think", "openrouter", "ollama", "chutes")
TOOLS = ("openai_tools", "ollama_tools")


def answer_of(sample: str, *, pieces: int | None = None) -> str:
    """A prompt that makes the model's server send the sample, in pieces of so many bytes where that is said."""
    text = (SAMPLES / f"{sample}.sse").read_text(encoding="utf-8")
    raw = [text] if pieces is None else [text[at : at + pieces] for at in range(0, len(text), pieces)]
    return f"mock{json.dumps({'raw': raw})}"


def test_every_sample_is_tried_and_says_where_it_is_from() -> None:
    tried = {*REASONING, *TOOLS, "openai", "openrouter_error"}
    assert {file.stem for file in SAMPLES.glob("*.sse")} == tried
    for file in SAMPLES.glob("*.sse"):
        assert file.read_text(encoding="utf-8").startswith(": Synthetic")


@pytest.mark.parametrize("sample", REASONING)
@pytest.mark.parametrize("pieces", [None, 200])
def test_reasoning_text_and_usage_are_told_apart(sample: str, pieces: int | None, target: Target) -> None:
    stream = target.stream(answer_of(sample, pieces=pieces))
    well_formed(stream, sample)
    assert stream.reasoning.strip() == "is"
    assert stream.text == "9.8 is greater."
    assert stream.finish_reasons == ["stop"]
    (usage,) = stream.usages
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (20, 7, 27)


@pytest.mark.parametrize("sample", REASONING)
def test_a_whole_answer_is_the_same(sample: str, target: Target) -> None:
    reply = target.ask(answer_of(sample)).json()
    message = reply["choices"][0]["message"]
    assert message["reasoning_content"].strip() == "is"
    assert message["content"] == "9.8 is greater."
    assert reply["usage"]["total_tokens"] == 27


def test_openai_s_stream_has_its_usage_at_the_end(target: Target) -> None:
    stream = target.stream(answer_of("openai"))
    well_formed(stream, "openai")
    assert stream.text == "Hello"
    assert stream.usages[0]["total_tokens"] == 29


@pytest.mark.parametrize("sample", TOOLS)
def test_a_call_comes_through_whether_in_pieces_or_whole(sample: str, target: Target) -> None:
    stream = target.stream(answer_of(sample), tools=[WEATHER])
    well_formed(stream, sample)
    pieces = [piece for _, delta in stream.deltas for piece in delta.get("tool_calls", ())]
    assert {piece["index"] for piece in pieces} == {0}
    assert pieces[0]["function"]["name"] == "get_weather"
    assert json.loads("".join(piece["function"].get("arguments", "") for piece in pieces)) == {"city": "Paris"}
    assert stream.finish_reasons == ["tool_calls"]
    assert stream.usages[0]["total_tokens"] == 75


def test_openrouter_s_cost_is_told(target: Target) -> None:
    assert target.stream(answer_of("openrouter")).usages[0]["cost_usd"] == 0.00014


def test_openrouter_s_error_in_the_middle_is_said_in_the_answer_and_not_in_its_words(target: Target) -> None:
    stream = target.stream(answer_of("openrouter_error"))
    well_formed(stream, "openrouter_error")
    assert stream.text.startswith("9.8 is")
    assert "reported an error" in stream.text
    assert "disconnected" not in stream.text
