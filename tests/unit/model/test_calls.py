"""Tests that tool calls are the same, however a server splits them and whatever it leaves out."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competitor.core.errors import UpstreamError
from competitor.core.model.calls import Calls
from competitor.core.model.iteration import PullSink

Fragment = dict[str, Any]
# One call: its id, its name, and its arguments in pieces.
Call = tuple[str, str, list[str]]


def fragment(index: int | None, id: str | None = None, name: str | None = None, text: str | None = None) -> Fragment:
    """A fragment with the given fields only."""
    function = {key: value for key, value in (("name", name), ("arguments", text)) if value is not None}
    found: Fragment = {"index": index, "id": id, "function": function or None}
    return {key: value for key, value in found.items() if value is not None}


def usual(calls: list[Call], numbers: Callable[[int], int] = lambda at: at) -> Iterator[list[Fragment]]:
    for at, (own_id, name, pieces) in enumerate(calls):
        yield [fragment(numbers(at), own_id, name, "")]
        yield from ([fragment(numbers(at), text=piece)] for piece in pieces)


def each(make: Callable[[int, str, str, int, str], Fragment]) -> Callable[[list[Call]], Iterator[list[Fragment]]]:
    """A server whose fragments depend on the call's number, id and name, and on the piece's number and text."""
    return lambda calls: (
        [make(at, own_id, name, number, piece)]
        for at, (own_id, name, pieces) in enumerate(calls)
        for number, piece in enumerate(pieces)
    )


def whole(index: Callable[[int], int | None], id: str | None) -> Callable[[list[Call]], Iterator[list[Fragment]]]:
    """A server that sends each call in one fragment."""
    return lambda calls: ([fragment(index(at), id, name, "".join(p))] for at, (_, name, p) in enumerate(calls))


def in_one_chunk(calls: list[Call]) -> Iterator[list[Fragment]]:
    yield [fragment(0, "", name, "".join(pieces)) for _, name, pieces in calls]


def interleaved(calls: list[Call]) -> Iterator[list[Fragment]]:
    yield [fragment(at, own_id, name, "") for at, (own_id, name, _) in enumerate(calls)]
    for number in range(max(len(pieces) for _, _, pieces in calls)):
        for at, (_, _, pieces) in enumerate(calls):
            if number < len(pieces):
                yield [fragment(at, text=pieces[number])]


def name_last(calls: list[Call]) -> Iterator[list[Fragment]]:
    for at, (own_id, name, pieces) in enumerate(calls):
        yield from ([fragment(at, own_id, text=piece)] for piece in pieces)
        yield [fragment(at, name=name)]


def as_objects(calls: list[Call]) -> Iterator[list[Fragment]]:
    for at, (own_id, name, pieces) in enumerate(calls):
        yield [{"index": at, "id": own_id, "function": {"name": name, "arguments": json.loads("".join(pieces))}}]


def flat(calls: list[Call]) -> Iterator[list[Fragment]]:
    for at, (own_id, name, pieces) in enumerate(calls):
        yield [{"index": at, "id": own_id, "name": name, "arguments": "".join(pieces)}]


def told_twice(calls: list[Call]) -> Iterator[list[Fragment]]:
    yield from usual(calls)
    yield [fragment(at, own_id, name, "".join(pieces)) for at, (own_id, name, pieces) in enumerate(calls)]


SERVERS: dict[str, Callable[[list[Call]], Iterator[list[Fragment]]]] = {
    "OpenAI's": usual,
    "with other indices": lambda calls: usual(calls, lambda at: 2 * at + 1),
    "name and first piece together": each(lambda at, i, n, k, p: fragment(at, None if k else i, None if k else n, p)),
    "null id and name later": each(
        lambda at, i, n, k, p: {
            "index": at,
            "id": None if k else i,
            "function": {"name": None if k else n, "arguments": p},
        }
    ),
    "empty id and name later": each(lambda at, i, n, k, p: fragment(at, "" if k else i, "" if k else n, p)),
    "id and name in each": each(lambda at, i, n, _, p: fragment(at, i, n, p)),
    "name in each, no id": each(lambda at, i, n, _, p: fragment(at, None, n, p)),
    "another id in each": each(lambda at, i, n, k, p: fragment(at, f"{i}-{k}", None if k else n, p)),
    "the same id in all calls": each(lambda at, i, n, k, p: fragment(at, "call", None if k else n, p)),
    "no index, id in each": each(lambda at, i, n, k, p: fragment(None, i, None if k else n, p)),
    "no index, id in the first": each(lambda at, i, n, k, p: fragment(None, None if k else i, None if k else n, p)),
    "no index, id and name in each": each(lambda at, i, n, _, p: fragment(None, i, n, p)),
    "id late": each(lambda at, i, n, k, p: fragment(at, i if k else None, None if k else n, p)),
    "name late": each(lambda at, i, n, k, p: fragment(at, None if k else i, n if k == 1 else None, p)),
    "name last": name_last,
    "interleaved": interleaved,
    "whole, all with the index 0 and an empty id": whole(lambda at: 0, ""),
    "whole, without index and id": whole(lambda at: None, None),
    "whole, with indices": whole(lambda at: at, None),
    "all in one chunk": in_one_chunk,
    "arguments as objects": as_objects,
    "without `function`": flat,
    "whole once more at the end": told_twice,
}


@st.composite
def said(draw: st.DrawFn) -> list[Call]:
    """One to three calls, their arguments in at least two pieces."""
    made: list[Call] = []
    values = st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3))
    for number in range(draw(st.integers(1, 3))):
        arguments = draw(st.dictionaries(st.text(max_size=6), values | st.dictionaries(st.text(max_size=3), values)))
        text = json.dumps(arguments, ensure_ascii=draw(st.booleans()))
        cuts = sorted({draw(st.integers(1, len(text) - 1)) for _ in range(draw(st.integers(1, 5)))})
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        made.append((f"call_{number}", draw(st.sampled_from(("get_weather", "f", "null"))), pieces))
    return made


def read(chunks: Iterator[list[Fragment]]) -> Calls:
    calls = Calls(PullSink(calls=True))
    for fragments in chunks:
        calls.take(fragments)
    calls.end()
    return calls


EXAMPLES, EXAMPLES_OF_A_SAMPLE = 10_000, 150


@pytest.mark.torture("B", "splits of the calls of 23 servers: the same calls")
def test_any_split_gives_the_same_calls(whole: bool, record_property: Any) -> None:
    @given(said(), st.sampled_from(sorted(SERVERS)))
    def same(calls: list[Call], server: str) -> None:
        found = read(SERVERS[server](calls)).found
        assert [call.name for call in found] == [name for _, name, _ in calls]
        assert [json.loads(call.arguments) for call in found] == [json.loads("".join(p)) for _, _, p in calls]
        ids = [call.id for call in found]
        assert len(set(ids)) == len(ids)
        assert all(ids)

    examples = EXAMPLES if whole else EXAMPLES_OF_A_SAMPLE
    settings(max_examples=examples, deadline=None)(same)()
    record_property("count", examples)


def test_two_calls_without_arguments() -> None:
    calls = read(iter([[fragment(0, "", "one", "")], [fragment(0, "", "two", "")]]))
    assert [call.name for call in calls.found] == ["one", "two"]


def test_a_call_without_a_name_is_an_error_if_it_has_arguments() -> None:
    with pytest.raises(UpstreamError) as raised:
        read(iter([[fragment(0, "call_1", None, "{}")]]))
    assert raised.value.kind == "not_openai"
    assert read(iter([[fragment(0, "call_1", "f", "{}")], [fragment(1, None, None, "")]])).found[0].name == "f"


def test_a_vendor_s_fields_are_kept_whenever_they_come() -> None:
    signed = {"extra_content": {"google": {"thought_signature": "s"}}}
    first = read(iter([[{**fragment(0, "c", "f", "{}"), **signed}]])).found[0]
    later = read(iter([[fragment(0, "c", "f", "{}")], [{"index": 0, **signed}]])).found[0]
    assert first.whole().as_json() == later.whole().as_json()
    assert first.whole().as_json()["extra_content"] == signed["extra_content"]
