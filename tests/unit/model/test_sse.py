"""Tests that upstream events are parsed in the same way for any split of the bytes and any line ending."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitor.core.errors import UpstreamError
from competitor.core.limits import MAX_EVENT_BYTES
from competitor.core.model.sse import EventSplitter

TEXT = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=20)
NOISE = st.sampled_from([": ping", "event: x", "id: 1", "retry: 5", ":"])


def feed(data: bytes, cuts: list[int]) -> list[bytes]:
    splitter, found, start = EventSplitter(), [], 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        found += splitter.feed(data[start:cut])
        start = max(start, cut)
    return found + splitter.end()


@given(
    st.lists(st.tuples(TEXT, st.lists(NOISE, max_size=2)), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 1000), max_size=12),
    st.sampled_from([" ", ""]),
)
def test_every_split_and_every_line_ending_gives_the_same_events(
    events: list[tuple[str, list[str]]], end: str, cuts: list[int], space: str
) -> None:
    lines = [[*noise, f"data:{space}{text}" if not text.startswith(" ") else f"data: {text}"] for text, noise in events]
    data = "".join(end.join(block) + end * 2 for block in lines).encode()
    assert feed(data, cuts) == [text.encode() for text, _ in events]


def test_unicode_line_separators_do_not_end_a_line() -> None:
    assert feed("data: a\u2028b\u2029c\u0085d\x0be\x0cf\n\n".encode(), []) == [
        "a\u2028b\u2029c\u0085d\x0be\x0cf".encode()
    ]


def test_several_data_lines_are_one_event() -> None:
    assert feed(b"data: a\ndata: b\n\n", []) == [b"a\nb"]


def test_an_event_that_never_ends_is_refused() -> None:
    splitter = EventSplitter()
    with pytest.raises(UpstreamError, match="too_large"):
        for _ in range(MAX_EVENT_BYTES // 2**20 + 1):
            splitter.feed(b"x" * 2**20)


def test_a_large_event_in_many_pieces_is_not_copied_for_each() -> None:
    """An algorithm with quadratic cost would copy 50 GB here."""
    splitter = EventSplitter()
    for _ in range(100_000):
        splitter.feed(b"x" * 100)
    assert splitter.feed(b"\n\n") == []
