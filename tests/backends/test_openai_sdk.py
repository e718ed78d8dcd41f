"""Tests each variant that has tools. Uses the official OpenAI SDK, the offline model and random prompts."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from competitor.checks import Target

from .conftest import Serve

WORDS = ["otter", "heron", "lynx", "newt", "vole", "wren", "tern", "stoat", "marten", "plover"]


@pytest.fixture(scope="session")
def offline(project: Path, serve: Serve) -> Target:
    """The variant's server with a fast offline model and all tools that need no platform."""
    switches = {"JANUS_LOCAL_CODE": "true", "JANUS_SEARCH_DOUBLE": "true"}
    return serve(project, {"JANUS_OFFLINE_WORDS_PER_SECOND": "2000", **switches})


@pytest.fixture(scope="session")
def client(offline: Target) -> OpenAI:
    return OpenAI(base_url=f"{offline.url}/v1", api_key="none", max_retries=0, timeout=120)


def function(name: str, **properties: str) -> dict[str, Any]:
    typed = {key: {"type": kind} for key, kind in properties.items()}
    parameters = {"type": "object", "properties": typed, "required": list(typed)}
    return {"type": "function", "function": {"name": name, "description": f"Does {name}.", "parameters": parameters}}


def streamed(client: OpenAI, messages: Any, **options: Any) -> tuple[str, list[Any], Any]:
    """Returns the text, the janus events, and the completion that the SDK assembled."""
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    events = []
    with client.chat.completions.stream(model="any", messages=messages, **options) as stream:
        for event in stream:
            if event.type == "chunk":
                for choice in event.chunk.choices:
                    if janus := getattr(choice.delta, "janus", None):
                        events.append(janus)
        final = stream.get_final_completion()
    return final.choices[0].message.content or "", events, final


def said_calls(final: Any) -> list[tuple[str, Any]]:
    calls = final.choices[0].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls]


@pytest.mark.parametrize("seed", range(3))
def test_two_tools_at_once_and_then_a_third(seed: int, client: OpenAI) -> None:
    chance = random.Random()
    one, other, third = (chance.randrange(100, 10_000) for _ in range(3))
    topic = " ".join(chance.sample(WORDS, 2))
    prompt = f"What is {one} * {other} and search for {topic}, then run this:\n```python\nprint({third} + 1)\n```"
    text, events, final = streamed(client, prompt)
    names = [(event["event"], event["payload"]["name"]) for event in events]
    assert {name for _, name in names[:2]} == {"calculator", "web_search"}
    assert [kind for kind, _ in names[:4]] == ["tool_start", "tool_start", "tool_end", "tool_end"]
    assert [kind for kind, _ in names[4:]] == ["tool_start", "sandbox_start", "sandbox_end", "tool_end"]
    assert names[4][1] == "run_code"
    assert all(event["payload"]["status"] == "ok" for event in events if event["event"].endswith("_end"))
    for result in (f"= {one * other}", topic, "search double", str(third + 1)):
        assert result in text
    usage = final.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.sandbox_seconds > 0
    assert final.choices[0].finish_reason == "stop"


def test_a_tool_that_is_not_configured_is_not_offered(project: Path, serve: Serve) -> None:
    bare = serve(project, {"JANUS_OFFLINE_WORDS_PER_SECOND": "2000"})
    stream = bare.stream("What is 3 * 4 and search for otters and run this:\n```python\nprint(1)\n```")
    names = [delta["janus"]["payload"]["name"] for _, delta in stream.deltas if "janus" in delta]
    assert set(names) == {"calculator"}


def test_one_call_of_the_client_s_tool(client: OpenAI) -> None:
    _, events, final = streamed(client, "call lookup_bird for Heron", tools=[function("lookup_bird", bird="string")])
    assert said_calls(final) == [("lookup_bird", {"bird": "Heron"})]
    assert final.choices[0].finish_reason == "tool_calls"
    assert events == []


def test_parallel_calls_of_the_client_s_tools(client: OpenAI) -> None:
    tools = [function("lookup_bird", bird="string"), function("count_eggs", nest="string")]
    prompt = "call lookup_bird for Heron and lookup_bird for Tern and count_eggs in Nest 7"
    _, _, final = streamed(client, prompt, tools=tools)
    assert [name for name, _ in said_calls(final)] == ["lookup_bird", "lookup_bird", "count_eggs"]
    assert [given["bird"] for _, given in said_calls(final)[:2]] == ["Heron", "Tern"]
    assert len({call.id for call in final.choices[0].message.tool_calls}) == 3


def test_calls_of_the_client_s_tools_and_of_ours_in_one_turn(client: OpenAI) -> None:
    one, other = (random.Random().randrange(100, 1000) for _ in range(2))
    prompt = f"What is {one} * {other} and call lookup_bird for Heron"
    text, events, final = streamed(client, prompt, tools=[function("lookup_bird", bird="string")])
    assert [event["event"] for event in events] == ["tool_start", "tool_end"]
    assert f"calculator: {one} * {other} = {one * other}" in text
    assert said_calls(final) == [("lookup_bird", {"bird": "Heron"})]
    assert final.choices[0].finish_reason == "tool_calls"
    asked = final.choices[0].message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
    result = {"role": "tool", "tool_call_id": asked["tool_calls"][0]["id"], "content": "A wading bird."}
    history = [{"role": "user", "content": prompt}, asked, result]
    text, _, final = streamed(client, history, tools=[function("lookup_bird", bird="string")])
    assert "A wading bird." in text
    assert final.choices[0].finish_reason == "stop"


def test_after_a_client_s_tool_the_answer_uses_our_tools(client: OpenAI) -> None:
    tools: Any = [function("lookup_bird", bird="string")]
    prompt = "call lookup_bird for Heron, then tell me what 12 * 12 is"
    first = client.chat.completions.create(
        model="any", messages=[{"role": "user", "content": prompt}], tools=tools
    ).choices[0]
    assert first.finish_reason == "tool_calls"
    asked = first.message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
    result = {"role": "tool", "tool_call_id": asked["tool_calls"][0]["id"], "content": "A wading bird."}
    text, events, _ = streamed(client, [{"role": "user", "content": prompt}, asked, result], tools=tools)
    assert [event["payload"]["name"] for event in events] == ["calculator", "calculator"]
    assert "A wading bird." in text
    assert "= 144" in text


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "lookup_bird"}}])
def test_a_forced_choice_is_honoured(choice: Any, client: OpenAI) -> None:
    """The client's tool is called, although the prompt asks for one of the competitor's tools."""
    tools = [function("lookup_bird", bird="string")]
    _, events, final = streamed(client, "What is 3 * 4?", tools=tools, tool_choice=choice)
    assert [name for name, _ in said_calls(final)] == ["lookup_bird"]
    assert events == []


def test_a_choice_of_none_is_honoured(client: OpenAI) -> None:
    tools = [function("lookup_bird", bird="string")]
    _, _, final = streamed(client, "call lookup_bird for Heron", tools=tools, tool_choice="none")
    assert final.choices[0].message.tool_calls is None
    assert final.choices[0].finish_reason == "stop"


def test_a_client_s_tool_may_be_named_twice_and_may_have_the_name_of_one_of_ours(client: OpenAI) -> None:
    mine = function("calculator", expression="string")
    _, events, final = streamed(client, "What is 3 * 4?", tools=[mine, mine])
    assert said_calls(final) == [("calculator", {"expression": "3 * 4"})]
    assert final.choices[0].finish_reason == "tool_calls"
    assert events == []
