"""The official OpenAI SDK can read the answers of your competitor with the offline model."""
# Contract file: replaced by updates.

import json
from typing import Any

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from competitor.checks import Target
from competitor.checks.sources.answers import PIXEL, WEATHER

from .processes import PATIENCE_SECONDS

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
FORCED: Any = {"type": "function", "function": {"name": "get_weather"}}
TOOLS: Any = [WEATHER]


@pytest.fixture(scope="module")
def client(offline: Target) -> OpenAI:
    return OpenAI(base_url=f"{offline.url}/v1", api_key="none", max_retries=0, timeout=PATIENCE_SECONDS)


def test_a_whole_answer(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="any", messages=HELLO)
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_a_streamed_answer_says_the_same_as_the_whole_one(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="any", messages=HELLO)
    chunks = list(client.chat.completions.create(model="any", messages=HELLO, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage == whole.usage


def test_a_forced_tool(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="any", messages=HELLO, tools=TOOLS, tool_choice=FORCED)
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    call: Any = calls[0]
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    assert answer.choices[0].finish_reason == "tool_calls"


def test_a_forced_tool_as_a_stream_that_the_sdk_assembles(client: OpenAI) -> None:
    with client.chat.completions.stream(model="any", messages=HELLO, tools=TOOLS, tool_choice=FORCED) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].function.name == "get_weather"
    assert isinstance(json.loads(calls[0].function.arguments)["city"], str)


def test_a_conversation_goes_on_with_a_tool_s_result(client: OpenAI) -> None:
    first = client.chat.completions.create(model="any", messages=HELLO, tools=TOOLS, tool_choice=FORCED)
    (call,) = first.choices[0].message.tool_calls or []
    asked: Any = first.choices[0].message.model_dump(exclude_none=True)
    result: ChatCompletionMessageParam = {"role": "tool", "tool_call_id": call.id, "content": "It is sunny."}
    second = client.chat.completions.create(model="any", messages=[*HELLO, asked, result], tools=TOOLS)
    assert "sunny" in (second.choices[0].message.content or "")


def test_a_json_object(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="any", messages=HELLO, response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


def test_json_that_fits_a_schema(client: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2, "maximum": 9}},
        "required": ["city", "days"],
        "additionalProperties": False,
    }
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "trip", "schema": schema, "strict": True}}
    answer = client.chat.completions.create(model="any", messages=HELLO, response_format=wanted)
    made = json.loads(answer.choices[0].message.content or "")
    assert set(made) == {"city", "days"}
    assert 2 <= made["days"] <= 9


def test_an_image_is_seen(client: OpenAI) -> None:
    parts: Any = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    answer = client.chat.completions.create(model="any", messages=[{"role": "user", "content": parts}])
    assert "image" in (answer.choices[0].message.content or "")


def test_reasoning_is_there(client: OpenAI) -> None:
    chunks = client.chat.completions.create(model="any", messages=HELLO, stream=True)
    thoughts = [getattr(chunk.choices[0].delta, "reasoning_content", None) for chunk in chunks if chunk.choices]
    assert any(thoughts)
