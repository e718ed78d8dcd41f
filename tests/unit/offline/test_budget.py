"""Tests that no request makes the offline model work for long, and that the count of JSON values is exact and fast.

Times are CPU seconds of this thread, and the limits are several times what is needed, so other work cannot break them.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitor.core.budget import Budget, OutOfBudget
from competitor.core.offline.replies import reply
from competitor.core.offline.values import fitting
from competitor.core.request.parsing import has_more_values

MOST_SECONDS = 1.0


def spent(work: Callable[[], Any]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def forced(parameters: Any, text: str = "x") -> dict[str, Any]:
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    return {"messages": [{"role": "user", "content": text}], "tools": [tool], "tool_choice": "required"}


def tools(count: int, text: str, description: str = "things") -> dict[str, Any]:
    offered = [
        {"type": "function", "function": {"name": f"tool_{number}", "description": description}}
        for number in range(count)
    ]
    return {"messages": [{"role": "user", "content": text}], "tools": offered}


def nested(inner: Any, depth: int, word: str = "items", **more: Any) -> Any:
    for _ in range(depth):
        inner = {"type": "array", "minItems": 100, **more, word: inner}
    return inner


WIDE = {f"p{number}": {"type": "string"} for number in range(20_000)}
HOSTILE = {
    "references to the whole, eight at each level": forced({"allOf": [{"$ref": "#"}] * 8}),
    "a union of references": forced({"anyOf": [{"$ref": "#"}] * 100, "allOf": [{"$ref": "#"}] * 100}),
    "chains of definitions that double": forced(
        {
            "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)},
            "$ref": "#/$defs/d0",
        }
    ),
    "wide objects merged again and again": forced(
        {"$defs": {"w": {"properties": WIDE}}, "allOf": [{"$ref": "#/$defs/w"}] * 80}
    ),
    "one wide object in itself": forced({"properties": {"a": {"$ref": "#"}, **WIDE}, "required": list(WIDE)}),
    "arrays in arrays of long texts": forced(nested({"type": "string", "minLength": 10_000}, 3)),
    "unique items": forced(nested({"type": "string"}, 2, uniqueItems=True)),
    "a long enumeration and a long text": forced({"enum": ["zz" * 50] * 3000}, "a " * 200_000),
    "a pattern of many counts": forced({"type": "string", "pattern": "a{999}" * 100_000}),
    "a pattern of classes": forced(nested({"type": "string", "pattern": "[a-z]{999}" * 100}, 2)),
    "a long pointer": forced({"$ref": "#/" + "a/" * 500_000}),
    "a million words": {"messages": [{"role": "user", "content": "a " * 1_000_000}]},
    "only white space": {"messages": [{"role": "user", "content": " " * 2_000_000}]},
    "many rounds and many tools": tools(200, "then " * 1_500),
    "many tools, all named": tools(200, " ".join(f"tool_{number}" for number in range(200)) * 5),
    "tools with long descriptions": tools(128, "things", "thing " * 10_000),
    "many sums": {"messages": [{"role": "user", "content": "1 + " * 100_000}]},
    "spaces between signs": {"messages": [{"role": "user", "content": "1" + (" " * 400 + "+") * 100 + "1"}]},
    "many places to stop": {
        "messages": [{"role": "user", "content": "5000 words"}],
        "stop": [f"stop{n}" for n in range(100_000)],
    },
    "many messages": {"messages": [{"role": "user", "content": "my name is Ada"}] * 30_000},
    "long results of tools": {
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "word " * 1_000_000},
        ]
    },
    "words to repeat": {"messages": [{"role": "user", "content": "say exactly " + " " * 1_000_000}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_request_makes_the_offline_model_work_for_long(name: str) -> None:
    body = {"model": "m", **HOSTILE[name]}
    assert spent(lambda: reply(body)) < MOST_SECONDS


@pytest.mark.parametrize("name", HOSTILE)
def test_its_reply_is_not_much_larger_than_a_long_answer(name: str) -> None:
    said = reply({"model": "m", **HOSTILE[name]})
    assert len("".join([*said.content, *said.reasoning])) < 200_000
    assert len(json.dumps(said.calls)) < 2_000_000


def test_a_schema_that_is_too_large_gets_a_sentence() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    wanted = {"type": "json_schema", "json_schema": {"schema": {"allOf": [{"$ref": "#"}] * 8}}}
    said = "".join(reply({**body, "response_format": wanted}).content)
    assert "more than I can do" in said


@pytest.mark.parametrize("word", ["anyOf", "oneOf", "allOf"])
def test_a_schema_that_is_only_a_choice_of_itself_gets_a_sentence(word: str) -> None:
    """Each step of it is one call deeper, so Python's recursion ends before the budget does."""
    schema = {"type": "object", word: [{"$ref": "#"}]}
    said = reply({"model": "m", **forced(schema)})
    assert said.calls or "more than I can do" in "".join(said.content)


def test_steps_are_counted_over_the_whole_reply() -> None:
    budget = Budget(50)
    with pytest.raises(OutOfBudget):
        for _ in range(50):
            fitting({"type": "object", "properties": {"a": {"type": "string"}}}, "x", budget)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(['"', "\\", ',[{"', "[]"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=30,
)


def counted(value: Any) -> int:
    if isinstance(value, list):
        return 1 + sum(map(counted, value))
    return 1 + sum(map(counted, value.values())) if isinstance(value, dict) else 1


@given(values, st.sampled_from([None, 2]), st.booleans())
def test_values_are_counted_exactly(value: Any, indent: int | None, ascii_only: bool) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    most = counted(value)
    assert not has_more_values(body, most)
    assert most == 1 or has_more_values(body, most - 1)


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 3_400_000 + b"0]",
        b'{"a":"' + b'\\"' * 5_000_000,
        b"[" + b'"a",' * 2_600_000 + b"1]",
        b'{"c":"' + b"a," * 5_000_000 + b'"}',
        b'"' * 10_000_000,
        b"[ " * 5_000_000,
        b'"' + b"\\" * 9_999_999,
        b"{" * 10_000_000,
        b"," * 199_998 + b"[]" * 4_700_000,
        b"," * 199_998 + b'"a"' * 3_000_000,
        b'["' + b'a","' * 199_990 + b"\\u0000" * 1_000_000,
        b'["' + b'[,\\"' * 2_400_000 + b'"]',
        b'["' + b"[\\\\W" * 2_400_000 + b'"]',
    ],
    ids=lambda body: body[:9].decode(),
)
def test_counting_takes_time_in_proportion_to_the_size(body: bytes) -> None:
    assert spent(lambda: has_more_values(body, 200_000)) < MOST_SECONDS
