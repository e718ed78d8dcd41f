"""Tests that the offline model computes correctly, always follows the contract, and is deterministic."""

import base64
import json
import random
import struct
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from competitor.core.offline.replies import LABEL, Reply, pieces, reply
from competitor.core.offline.values import fitting


def ask(prompt: str | list[Any], **fields: Any) -> Reply:
    messages = (
        prompt if isinstance(prompt, list) and prompt and "role" in prompt[0] else [{"role": "user", "content": prompt}]
    )
    return reply({"messages": messages, **fields})


def said(prompt: str | list[Any], **fields: Any) -> str:
    return "".join(ask(prompt, **fields).content)


@pytest.mark.parametrize(
    ("prompt", "result"),
    [
        ("What is 17 * 23?", "17 * 23 = 391."),
        ("3 plus 4 times 2", "3 + 4 * 2 = 11."),
        ("(1+2)*3/4", "(1+2)*3/4 = 2.25."),
        ("2^10 and 7 - 9", "2^10 = 1024. 7 - 9 = -2."),
        ("0.1 + 0.2", "0.1 + 0.2 = 0.3."),
        ("10 divided by 4", "10 / 4 = 2.5."),
        ("5 \u00d7 6", "5 \u00d7 6 = 30."),
    ],
)
def test_it_computes(prompt: str, result: str) -> None:
    assert said(prompt).startswith(result)


@pytest.mark.parametrize("seed", range(20))
def test_it_computes_random_expressions(seed: int) -> None:
    chance = random.Random(seed)
    one, other = chance.randrange(10_000), chance.randrange(1, 10_000)
    assert f"= {one * other}." in said(f"Please tell me {one} * {other}")
    assert f"= {one - other}." in said(f"Please tell me {one} - {other}")


@pytest.mark.parametrize(
    "prompt", ["1/0", "9**9**9**9", "on 2026-11-23", "1" * 5000 + " * 2", "(((((1", "__import__('os') * 2"]
)
def test_an_expression_that_it_cannot_compute_gets_an_answer(prompt: str) -> None:
    assert LABEL in said(prompt)


@pytest.mark.parametrize(
    ("prompt", "exactly"),
    [
        ("Reply with exactly: PONG", "PONG"),
        ('Reply with exactly "two words" and nothing else.', "two words"),
        ("Say only yes", "yes"),
        ("respond with just: { }", "{ }"),
        ("Please answer with exactly the words blue sky", "blue sky"),
    ],
)
def test_it_repeats_exactly_what_it_is_told_to_say(prompt: str, exactly: str) -> None:
    assert said(prompt) == exactly


def test_it_remembers_a_name() -> None:
    name = f"Zed{random.Random(3).randrange(1000)}x"
    told = [{"role": "user", "content": f"Hi, my name is {name}!"}, {"role": "assistant", "content": "Hello."}]
    assert name in said([*told, {"role": "user", "content": "What is my name?"}])
    assert "not told me" in said("What is my name?")


def test_it_notices_an_image() -> None:
    head = struct.pack(">8sI4sII", b"\x89PNG\r\n\x1a\n", 13, b"IHDR", 5, 7)
    pixel = "data:image/png;base64," + base64.b64encode(head.ljust(64, b"\0")).decode()
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": pixel}}]
    assert "an image (PNG, 5 x 7 pixels)" in said(parts)


def test_it_says_that_it_is_the_offline_model() -> None:
    assert LABEL in said("hello")
    assert LABEL in "".join(ask("Reply with exactly: PONG").reasoning)


@pytest.mark.parametrize("limit", [1, 2, 5, 20, 60])
def test_it_honours_max_tokens(limit: int) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        answer = ask("hello", **{name: limit})
        assert answer.completion_tokens <= limit
        assert answer.finish_reason == "length"
        assert answer.content
    assert ask("hello", max_tokens=10_000).finish_reason == "stop"


@pytest.mark.parametrize("stop", ["know", ["nonsense", "know"]])
def test_it_honours_stop(stop: Any) -> None:
    text = said("hello", stop=stop)
    assert "know" not in text
    assert text
    assert said("hello").startswith(text)


@pytest.mark.parametrize("words", [5, 200, 1000])
def test_it_writes_the_requested_number_of_words(words: int) -> None:
    assert len(said(f"Write {words} words about streams.").split()) == words


def test_it_counts_its_own_tokens_correctly() -> None:
    answer = ask("What is 17 * 23?")
    assert answer.completion_tokens == len(answer.reasoning) + len(answer.content)
    assert answer.prompt_tokens == len(pieces("What is 17 * 23?")) + 1


@given(st.text(max_size=200))
def test_its_tokens_add_up_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


@given(st.text(max_size=80))
def test_it_is_deterministic(prompt: str) -> None:
    assert ask(prompt) == ask(prompt)


def test_a_requested_json_object_is_valid() -> None:
    assert isinstance(json.loads(said("hello", response_format={"type": "json_object"})), dict)


def test_a_json_object_has_the_keys_that_the_text_names() -> None:
    made = said("Give me JSON with the keys 'where' and \"when\".", response_format={"type": "json_object"})
    assert set(json.loads(made)) == {"where", "when"}


def test_a_forced_tool_gets_arguments_from_the_text() -> None:
    schema = {
        "type": "object",
        "properties": {
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
            "unit": {"enum": ["kelvin", "celsius"]},
        },
        "required": ["days", "unit"],
    }
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("one", "two")]
    forced = {"type": "function", "function": {"name": "two"}}
    answer = ask("The next 4 days in celsius, please.", tools=tools, tool_choice=forced)
    (call,) = answer.calls
    assert call["function"]["name"] == "two"
    assert json.loads(call["function"]["arguments"]) == {"days": 4, "unit": "celsius"}
    assert answer.finish_reason == "tool_calls"
    assert ask("x", tools=tools, tool_choice="required").calls[0]["function"]["name"] == "one"
    assert not ask("x", tools=tools).calls


def function(tool: str, description: str = "", **types: str) -> dict[str, Any]:
    properties = {key: {"type": kind} for key, kind in types.items()}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": tool, "description": description, "parameters": parameters}}


TOOLS = [
    function("calculator", expression="string"),
    function("web_search", query="string"),
    function("create_file", name="string", content="string"),
    function("run_code", code="string"),
    function("get_weather", "The weather at a place", city="string"),
    function("fetch_page", "Reads a page", url="string"),
]


def called(prompt: str, done: int = 0, tools: list[Any] = TOOLS, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    """The tool calls for a prompt, after `done` turns."""
    asked: dict[str, Any] = {"role": "assistant", "tool_calls": [{"id": "a"}]}
    messages = [{"role": "user", "content": prompt}, *[asked, {"role": "tool", "content": "spam"}] * done]
    calls = reply({"messages": messages, "tools": tools, **fields}).calls
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls]


@pytest.mark.parametrize("seed", range(20))
def test_it_calls_several_tools_at_once_and_others_after_the_word_then(seed: int) -> None:
    chance = random.Random()
    one, other = chance.randrange(10**6), chance.randrange(10**6)
    word = "".join(chance.choices("bcdfgh", k=6))
    prompt = f"What is {one} - {other} and search for {word} nests, then create a file {word}.md that contains {word}."
    prompt += f" Then run this:\n```python\nprint({one}) # then\n```"
    first = [("web_search", {"query": f"{word} nests"}), ("calculator", {"expression": f"{one} - {other}"})]
    assert called(prompt) == first
    assert called(prompt, 1) == [("create_file", {"name": f"{word}.md", "content": word})]
    assert called(prompt, 2) == [("run_code", {"code": f"print({one}) # then\n"})]
    assert called(prompt, 3) == []
    assert called(prompt, 1, parallel_tool_calls=False) == first[1:]
    assert called(prompt, tools=TOOLS[:1]) == first[1:]
    assert called(prompt, tools=[]) == []


SUM, WEB, RAIN = "calculator", "web_search", "get_weather"


@pytest.mark.parametrize(
    ("prompt", "calls"),
    [
        ("hello", []),
        ("Reply with exactly: 17 * 23", []),
        ("on 2026-11-23", []),
        ("What is 2 times 3, and 4 plus 5?", [(SUM, {"expression": "2 * 3"}), (SUM, {"expression": "4 + 5"})]),
        ('search for "cats and dogs, 1 + 1"', [("web_search", {"query": "cats and dogs, 1 + 1"})]),
        ("search for ants or bats and 3 * 4", [(WEB, {"query": "ants or bats"}), (SUM, {"expression": "3 * 4"})]),
        ("```python\n1 + 1\n```", []),
        ("What is the weather in Paris?", [("get_weather", {"city": "Paris"})]),
        ("get_weather for Bern and get_weather for Rome", [(RAIN, {"city": "Bern"}), (RAIN, {"city": "Rome"})]),
        ("Read the page https://example.com/a?b=c.", [("fetch_page", {"url": "https://example.com/a?b=c"})]),
        ('create a file named "a b" with "x, then y"', [("create_file", {"name": "a b", "content": "x, then y"})]),
    ],
)  # fmt: skip
def test_it_understands_a_prompt_literally(prompt: str, calls: list[Any]) -> None:
    assert called(prompt) == calls


def test_it_calls_no_tool_when_that_is_forbidden_and_one_tool_when_that_is_forced() -> None:
    forced = {"type": "function", "function": {"name": "get_weather"}}
    assert called("What is 3 * 4?", tool_choice="none") == []
    assert [name for name, _ in called("What is 3 * 4?", tool_choice=forced)] == ["get_weather"]
    assert [name for name, _ in called("hello", tool_choice="required")] == ["calculator"]


def test_its_answer_contains_the_results_of_the_tools() -> None:
    result = f"result-{random.Random().randrange(10**9)}"
    asked: dict[str, Any] = {"role": "assistant", "tool_calls": [{"id": "a"}]}
    history = [{"role": "user", "content": "What is 3 * 4?"}, asked, {"role": "tool", "content": result}]
    assert result in said(history, tools=TOOLS)


@given(st.text(alphabet='acefilnorstuw 0123456789+*().,\n`"\u201c', max_size=200))
def test_any_text_gets_calls_that_fit_the_tools(prompt: str) -> None:
    for name, arguments in called(prompt):
        schema = next(tool["function"]["parameters"] for tool in TOOLS if tool["function"]["name"] == name)
        jsonschema.validate(arguments, schema)


@pytest.mark.parametrize(
    ("piece", "times"),
    [(" ", 12_000), ("\n", 12_000), ("```\n", 3_000), ("then ", 2_400), ("name ", 1_000), ("1+", 6_000), ('"', 9_000)],
)  # fmt: skip
def test_a_long_text_takes_little_time(piece: str, times: int) -> None:
    """This takes seconds; an algorithm with quadratic cost would take minutes."""
    began = time.process_time()
    called(f"search for{piece * times}")
    assert time.process_time() - began < 10


STRINGS = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={"minLength": st.integers(0, 20), "format": st.sampled_from(["date", "email", "uuid"])},
).map(lambda schema: {name: value for name, value in schema.items() if name != "format" or "minLength" not in schema})
PATTERNS = st.sampled_from(
    [
        r"^\d{3}-\d{4}$",
        r"^[A-Z]{2}\d+$",
        r"[a-f0-9]{8}",
        r"^[^a-z]+$",
        r"^\+?\d{1,3}$",
        r"^foo\.bar$",
        r"^[\w-]+@x$",
        r"^[^\d\s]{2}$",
    ]
).map(lambda pattern: {"type": "string", "pattern": pattern})
NUMBERS = st.builds(
    lambda kind, low, span, exclusive, step: {
        "type": kind,
        ("exclusiveMinimum" if exclusive else "minimum"): low,
        **({"maximum": low + span} if step is None else {"multipleOf": step}),
    },
    st.sampled_from(["integer", "number"]),
    st.integers(-100, 100),
    st.integers(1, 50),
    st.booleans(),
    st.none() | st.integers(1, 7),
)
ENUMS = st.lists(
    st.text(max_size=5) | st.integers() | st.booleans() | st.none(), min_size=1, max_size=4, unique_by=repr
).map(lambda options: {"enum": options})
PLAIN = st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {}, {"const": [1]}])


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.builds(
        lambda properties, count, more: {
            "type": "object",
            "properties": properties,
            "required": list(properties)[:count],
            "additionalProperties": more,
        },
        st.dictionaries(st.text("abc", min_size=1, max_size=4), inner, max_size=4),
        st.integers(0, 4),
        st.booleans(),
    )
    arrays = st.builds(
        lambda items, least, more: {"type": "array", "items": items, "minItems": least, "maxItems": least + more},
        inner,
        st.integers(0, 3),
        st.integers(0, 3),
    )
    choices = st.lists(inner, min_size=1, max_size=3).map(lambda members: {"anyOf": members})
    return objects | arrays | choices


SCHEMAS = st.recursive(STRINGS | PATTERNS | NUMBERS | ENUMS | PLAIN, _nested, max_leaves=8)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, st.text(max_size=40))
def test_a_value_fits_its_schema(schema: Any, text: str) -> None:
    jsonschema.Draft202012Validator(schema).validate(fitting(schema, text))


def test_a_value_fits_a_schema_with_references_and_recursion() -> None:
    node = {
        "type": "object",
        "properties": {"value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
        "required": ["value", "next"],
    }
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    jsonschema.validate(fitting(schema), schema)
    both = {
        "allOf": [
            {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"const": 1}}, "required": ["b"]},
        ]
    }
    jsonschema.validate(fitting(both), both)


HOSTILE: list[Any] = [
    *(5, None, [], {"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"type": 5}, {"anyOf": 5}, {"enum": {}}, {"required": 5}),
    *({"type": "object", "required": [5]}, {"pattern": "(((a{999}){999}){999})"}, {"pattern": "a{99999}"}),
    *({"minLength": 10**12}, {"minItems": 10**9, "type": "array"}, {"minimum": 1e308, "maximum": 1e309}),
    *({"$ref": "#/a/b/c"}, {"multipleOf": 0, "type": "number"}, {"items": {"items": {"$ref": "#"}}, "minItems": 50}),
    {"properties": {name: {"$ref": "#"} for name in "abcd"}, "required": list("abcd")},
]


@pytest.mark.parametrize("schema", HOSTILE)
def test_a_hostile_schema_takes_little_time(schema: Any) -> None:
    assert len(json.dumps(fitting(schema, "text 5"))) < 200_000
