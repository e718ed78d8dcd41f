"""Tests that the streams of all vendors, in samples/*.sse, give the same answer."""

import json
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.sources.answers import WEATHER

SAMPLES = Path(__file__).parent / "samples"
REASONING = ("vllm_reasoning_content", "vllm_reasoning", "vllm_think", "openrouter", "ollama", "chutes")
TOOLS = ("openai_tools", "ollama_tools")


def answer_of(sample: str, *, pieces: int | None = None) -> str:
    """A prompt that makes the mock upstream send the sample, in pieces of `pieces` bytes if given."""
    text = (SAMPLES / f"{sample}.sse").read_text(encoding="utf-8")
    raw = [text] if pieces is None else [text[at : at + pieces] for at in range(0, len(text), pieces)]
    return f"mock{json.dumps({'raw': raw})}"


def test_every_sample_is_tested_and_names_its_source() -> None:
    tried = {*REASONING, *TOOLS, "openai", "openrouter_error"}
    assert {file.stem for file in SAMPLES.glob("*.sse")} == tried
    for file in SAMPLES.glob("*.sse"):
        assert file.read_text(encoding="utf-8").startswith(": Synthetic")


@pytest.mark.parametrize("sample", REASONING)
@pytest.mark.parametrize("pieces", [None, 200])
def test_reasoning_text_and_usage_are_recognised(sample: str, pieces: int | None, target: Target) -> None:
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


def test_openai_s_usage_is_read_from_the_end_of_the_stream(target: Target) -> None:
    stream = target.stream(answer_of("openai"))
    well_formed(stream, "openai")
    assert stream.text == "Hello"
    assert stream.usages[0]["total_tokens"] == 29


@pytest.mark.parametrize("sample", TOOLS)
def test_a_tool_call_arrives_whether_it_is_sent_in_pieces_or_as_a_whole(sample: str, target: Target) -> None:
    stream = target.stream(answer_of(sample), tools=[WEATHER])
    well_formed(stream, sample)
    pieces = [piece for _, delta in stream.deltas for piece in delta.get("tool_calls", ())]
    assert {piece["index"] for piece in pieces} == {0}
    assert pieces[0]["function"]["name"] == "get_weather"
    assert json.loads("".join(piece["function"].get("arguments", "") for piece in pieces)) == {"city": "Paris"}
    assert stream.finish_reasons == ["tool_calls"]
    assert stream.usages[0]["total_tokens"] == 75


def test_openrouter_s_cost_is_reported(target: Target) -> None:
    assert target.stream(answer_of("openrouter")).usages[0]["cost_usd"] == 0.00014


def test_openrouter_s_error_in_the_stream_is_reported_without_its_own_text(target: Target) -> None:
    stream = target.stream(answer_of("openrouter_error"))
    well_formed(stream, "openrouter_error")
    assert stream.text.startswith("9.8 is")
    assert "reported an error" in stream.text
    assert "disconnected" not in stream.text
