"""Tests how calls of the client's tools are fixed: what is converted, and when the model is asked again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitor.checks import Target, Upstream
from competitor.checks.clauses.stream import well_formed
from competitor.core.offline.values import fitting
from competitor.core.request.tool_arguments import fixed

from ..servers import SCRIPTED, Launch
from .test_upstream import arguments, mock

ITEM = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["name"],
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "ratio": {"type": "number"},
        "express": {"type": "boolean"},
        "size": {"enum": ["Small", "Large"]},
        "items": {"type": "array", "items": ITEM},
        "either": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "other": {"$ref": "#/$defs/item"},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"item": ITEM},
}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"days": "3"}, {"days": 3}),
        ({"days": 3.0}, {"days": 3}),
        ({"ratio": " -2.5e1 "}, {"ratio": -25.0}),
        ({"express": "True"}, {"express": True}),
        ({"size": "small"}, {"size": "Small"}),
        ({"city": 7}, {"city": "7"}),
        ({"items": {"name": "a"}}, {"items": [{"name": "a"}]}),
        ({"items": '[{"name": "a", "count": "2"}]'}, {"items": [{"name": "a", "count": 2}]}),
        ({"either": "4"}, {"either": 4}),
        ({"either": None}, {"either": None}),
        ({"other": {"name": "a", "count": "2"}}, {"other": {"name": "a", "count": 2}}),
    ],
)
def test_a_value_that_plainly_means_another_is_converted(given: dict[str, Any], wanted: dict[str, Any]) -> None:
    text, problem = fixed(SCHEMA, json.dumps({"city": "Oslo", **given}))
    assert problem == ""
    assert json.loads(text) == {"city": "Oslo", **wanted}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('```json\n{"city": "Oslo"}\n```', {"city": "Oslo"}),
        ('{"city": "Oslo"', {"city": "Oslo"}),
        ('{"city": "Os', {"city": "Os"}),
    ],
)
def test_json_is_read_from_a_fence_and_completed(text: str, wanted: dict[str, Any]) -> None:
    assert json.loads(fixed(SCHEMA, text)[0]) == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "city is missing"),
        ("", "city is missing"),
        ('{"city": "Oslo", "days": "three"}', "days must be of the type integer"),
        ('{"city": "Oslo", "days": true}', "days must be of the type integer"),
        ('{"city": "Oslo", "size": "huge"}', 'size must be one of ["Small", "Large"]'),
        ('{"city": "Oslo", "planet": "Mars"}', "planet is unknown"),
        ('{"city": "Oslo", "items": [{"count": 1}]}', "items[0].name is missing"),
        ('{"city": "Oslo", "either": "x"}', "either must fit one of 2 forms"),
        ("[1]", "they are not a JSON object"),
        ("Oslo", "they are not JSON"),
    ],
)
def test_what_cannot_be_converted_is_a_problem(text: str, problem: str) -> None:
    assert fixed(SCHEMA, text)[1] == problem


@pytest.mark.parametrize("text", ['{"city":"Oslo"}', '{ "city" : "Oslo", "days": 3 }', '{"city": "\\u004fslo"}'])
def test_arguments_that_fit_are_not_changed(text: str) -> None:
    assert fixed(SCHEMA, text) == (text, "")


@pytest.mark.parametrize("schema", [None, True, [], {"type": 7}, {"properties": [1]}, {"$ref": "#/a/b"}, {"$ref": "#"}])
def test_an_odd_schema_fits_everything(schema: Any) -> None:
    assert fixed(schema, '{"a": [1]}') == ('{"a": [1]}', "")


SCHEMAS = st.recursive(
    st.sampled_from(
        [{"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"enum": [1, "a", None]}, {"type": "number"}]
    ),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda of: {"type": "object", "properties": of, "required": list(of), "additionalProperties": False},
            st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        ),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_what_fits_any_schema_is_not_changed(inner: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"x": inner}, "required": ["x"]}
    text = json.dumps(fitting(schema))
    assert fixed(schema, text) == (text, "")


@given(SCHEMAS, st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_mended_arguments_fit_or_have_a_problem(inner: dict[str, Any], value: Any) -> None:
    schema = {"type": "object", "properties": {"x": inner}}
    text, problem = fixed(schema, json.dumps({"x": value}))
    if not problem:
        assert fixed(schema, text) == (text, "")


def test_a_hostile_schema_takes_no_more_than_its_budget() -> None:
    deep: Any = {"type": "integer"}
    for _ in range(200):
        deep = {"anyOf": [deep, deep, deep]}
    assert fixed({"properties": {"x": deep}}, '{"x": "a"}')[0] == '{"x": "a"}'
    wide = {"properties": {"x": {"enum": list(range(100_000))}}}
    assert fixed(wide, '{"x": "a"}') == ('{"x": "a"}', "")


WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {**SCHEMA, "required": ["city", "days"]}},
}


def turns(*calls: str) -> str:
    made = [
        {"calls": [{"name": "get_weather", "arguments": each}], "finish": "tool_calls", "tokens": 0} for each in calls
    ]
    return mock(turns=made)


def test_a_call_that_cannot_be_converted_is_asked_for_once_more(core: Target, upstream: Upstream) -> None:
    before = upstream.asked
    stream = core.stream(turns('{"city": "Oslo"}', '{"city": "Oslo", "days": 3}'), tools=[WEATHER])
    well_formed(stream, "a call that is fixed")
    assert json.loads(arguments(stream, 0)) == {"city": "Oslo", "days": 3}
    assert upstream.asked - before == 2
    assert stream.finish_reasons == ["tool_calls"]
    again = upstream.requests()[-1]["body"]
    assert again["messages"][-1]["content"].startswith("Not run: days is missing.")
    assert again["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}


def test_a_call_that_is_wrong_again_is_passed_on_as_it_came(core: Target, upstream: Upstream) -> None:
    before = upstream.asked
    stream = core.stream(turns('{"city": "Rome"}', '{"city": 1, "days": "soon"}'), tools=[WEATHER])
    assert arguments(stream, 0) == '{"city": "Rome"}'
    assert upstream.asked - before == 2


def test_a_call_that_can_be_converted_costs_no_further_call(core: Target, upstream: Upstream) -> None:
    before = upstream.asked
    reply = core.ask(turns('{"city": "Lima", "days": "3"}'), tools=[WEATHER])
    assert json.loads(reply.calls[0]["function"]["arguments"]) == {"city": "Lima", "days": 3}
    assert upstream.asked - before == 1


def test_long_arguments_are_passed_on_as_they_come(core: Target) -> None:
    long = json.dumps({"city": "a" * 5_000, "days": "3"})
    stream = core.stream(turns(long), tools=[WEATHER])
    assert arguments(stream, 0) == long
    assert len(stream.fragments) > 20


@pytest.mark.parametrize(
    ("setting", "given", "wanted"),
    [
        ("off", '{"city": "Bern", "days": "3"}', '{"city": "Bern", "days": "3"}'),
        ("convert", '{"city": "Bern", "days": "3"}', '{"city": "Bern", "days": 3}'),
        ("convert", '{"city": "Bern"}', '{"city": "Bern"}'),
    ],
)
def test_the_setting_says_how_far_it_goes(
    setting: str, given: str, wanted: str, launch: Launch, upstream: Upstream
) -> None:
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LLM_MODEL": "mock", "JANUS_FIX_CALLS": setting}
    before = upstream.asked
    stream = launch(environment, *SCRIPTED).stream(turns(given, '{"city": "Bern", "days": 9}'), tools=[WEATHER])
    assert arguments(stream, 0) == wanted
    assert upstream.asked - before == 1
