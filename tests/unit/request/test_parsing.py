"""Tests that any bytes become a request, or a short error that names the field and does not repeat the input."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitor.core.errors import ApiError
from competitor.core.model import prompt
from competitor.core.request.parsing import read_request
from competitor.core.request.schema import ChatRequest, PassedOn

GOOD: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def read(**fields: Any) -> ChatRequest:
    return read_request(json.dumps({**GOOD, **fields}).encode())


def refusal(body: bytes) -> ApiError:
    with pytest.raises(ApiError) as raised:
        read_request(body)
    return raised.value


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(body: bytes) -> None:
    try:
        read_request(body)
    except ApiError as error:
        assert error.status == 400
        assert len(error.message) < 1000


@given(st.sampled_from(sorted(ChatRequest.model_fields)), ANY)
def test_any_value_in_any_field_is_parsed_or_refused_by_name(field: str, value: Any) -> None:
    try:
        read(**{field: value})
    except ApiError as error:
        assert error.param is not None
        assert error.param.startswith(field)
        assert len(error.message) < 1000


@given(ANY, st.sampled_from(["role", "content", "name", "tool_calls", "tool_call_id", "artifacts"]))
def test_any_value_in_a_message_is_parsed_or_refused_by_name(value: Any, field: str) -> None:
    try:
        read(messages=[{"role": "user", "content": "x", field: value}])
    except ApiError as error:
        assert error.param is not None
        assert error.param.startswith(f"messages[0].{field}")


@pytest.mark.parametrize(
    ("fields", "param", "sentence"),
    [
        ({"temperature": "hot"}, "temperature", "temperature must be a number."),
        ({"temperature": 2.1}, "temperature", "temperature must be at most 2."),
        ({"temperature": True}, "temperature", "temperature must be a number."),
        ({"max_tokens": 1.5}, "max_tokens", "max_tokens must be an integer."),
        ({"messages": []}, "messages", "messages must have at least 1 entry."),
        ({"messages": [{"role": "robot"}]}, "messages[0].role", "one of 'system', 'developer', 'user'"),
        ({"messages": [{"content": "x"}]}, "messages[0].role", "messages[0].role is required."),
        (
            {"messages": [{"role": "user", "content": [{"type": "x"}]}]},
            "messages[0].content[0].type",
            "must be one of 'text', 'image_url', 'file', 'refusal'",
        ),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type", "is required"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text", "is required"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://a.b/c.png"}]}]},
            "messages[0].content[0].image_url",
            "must be an object",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]},
            "messages[0].content[0].text",
            "must be a string",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": 5}}},
            "response_format.json_schema.name",
            "must be a string",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "is required"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", "is required"),
        ({"tool_choice": "maybe"}, "tool_choice", "'none', 'auto' or 'required'"),
        ({"tool_choice": "required"}, "tool_choice", "needs at least one tool"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "is required"),
        ({"stop": [1]}, "stop[0]", "must be a string"),
        ({"n": 2}, "n", "at most 1"),
        ({"model": "x" * 513}, "model", "at most 512 characters"),
        ({"stream": "true"}, "stream", "must be true or false"),
    ],
)
def test_a_refusal_names_the_field_in_a_sentence(fields: dict[str, Any], param: str, sentence: str) -> None:
    error = refusal(json.dumps({**GOOD, **fields}).encode())
    assert error.param == param
    assert sentence in error.message


def test_several_problems_are_counted() -> None:
    assert refusal(b"{}").message == "model is required. 1 more field is wrong."


def test_many_wrong_entries_are_one_problem() -> None:
    error = refusal(b'{"model":"m","messages":[' + b"1," * 19_000 + b"1]}")
    assert error.message == "messages[0] must be an object."


PART, CALL = (
    {"type": "text", "text": "x"},
    {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
)
TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": "x"}] * 20_001},
        {"messages": [{"role": "user", "content": [PART] * 10_000}] * 2},
        {"messages": [{"role": "assistant", "tool_calls": [CALL] * 5_000}] * 4},
        {"messages": [{"role": "user", "content": "x"}], "tools": [TOOL] * 20_000},
    ],
    ids=["messages", "parts", "calls", "tools"],
)
def test_more_entries_than_a_conversation_has_are_refused(fields: dict[str, Any]) -> None:
    error = refusal(json.dumps({"model": "m", **fields}).encode())
    assert "at most 20000 messages, parts, calls and tools" in error.message


def test_free_form_objects_are_not_copied() -> None:
    """A copy of a large one would cost time and memory."""
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "default": None}}}]
    asked = read(tools=tools, response_format={"type": "json_schema", "json_schema": {"schema": {"a": None}}})
    assert asked.tools is not None
    body = {**prompt.options(asked), **prompt.tools(asked)}
    assert body["tools"][0] == {
        "type": "function",
        "function": {"name": "f", "parameters": {"type": "object", "default": None}},
    }
    assert body["tools"][0]["function"]["parameters"] is asked.tools[0].function.parameters
    checked = ChatRequest.model_validate({**GOOD, "tools": tools})
    assert checked.tools is not None
    assert checked.tools[0].function.parameters is tools[0]["function"]["parameters"]
    assert body["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"a": None}}}


def test_values_are_not_echoed() -> None:
    secret = "canary-" * 20
    for fields in (
        {"temperature": secret},
        {"messages": [{"role": secret}]},
        {"tool_choice": secret},
        {secret: float("nan")},
    ):
        body = json.dumps({**GOOD, **fields}).encode()
        try:
            read_request(body)
        except ApiError as error:
            assert secret not in error.message


def test_openai_s_options_are_known_and_do_not_include_extra_fields() -> None:
    assert {"stop", "seed", "logit_bias", "parallel_tool_calls", "reasoning_effort"} <= set(PassedOn.model_fields)
    extras = {"user_id", "enable_memory", "debug", "browser_session_id", "generation_flags", "chutes_access_token"}
    assert not extras & set(PassedOn.model_fields)


def test_a_file_is_parsed_in_every_notation() -> None:
    fields = {"name": "a.txt", "mime_type": "text/plain", "content": "abc", "size": 3}
    openai = {"filename": "a.txt", "file_data": "data:text/plain;base64,YWJj"}
    for part in ({"type": "file", "file": fields}, {"type": "file", **fields}, {"type": "file", "file": openai}):
        content = read(messages=[{"role": "user", "content": [part]}]).messages[0].content
        assert isinstance(content, list)
        assert content[0].file.name == "a.txt"  # type: ignore[union-attr]


def test_the_token_is_not_in_the_repr() -> None:
    request = read(chutes_access_token="canary")
    assert "canary" not in repr(request)


def test_a_wrong_value_deep_inside_does_not_take_much_memory() -> None:
    """The paths of all values, 148 levels deep and with long names, would take half a gigabyte."""
    inner = "[" + "1," * 50_000 + "NaN]"
    body = "".join(f'{{"{"n" * 60}":' for _ in range(148)) + inner + "}" * 148
    tracemalloc.start()
    try:
        with pytest.raises(ApiError, match=r"not valid JSON|must be a finite number"):
            read_request(body.encode())
        assert tracemalloc.get_traced_memory()[1] < max(20 * len(body), 32 * 2**20)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        '{"hostile<script>": NaN}',
        '{"messages": [{"role": "user", "content": "x", "hostile": [NaN]}]}',
        '{"model": "m", "messages": [{"role": "user", "content": "x"}], "logit_bias": {"hostile": "x"}}',
        '{"model": "m", "messages": [{"role": "user", "content": "x"}], "hostile": {"hostile": [Infinity]}}',
    ],
)
def test_an_error_does_not_repeat_a_caller_s_name(body: str) -> None:
    try:
        read_request(body.encode())
    except ApiError as error:
        assert "hostile" not in f"{error} {error.param}"


def test_a_body_with_too_many_values_is_refused_before_it_is_parsed() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"more":[' + b"0," * 200 + b"0]}"
    assert read_request(body, 300).model == "m"
    with pytest.raises(ApiError, match="at most 200 JSON values"):
        read_request(body, 200)
