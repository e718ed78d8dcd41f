"""Tests that reasoning in tags becomes reasoning for any split of the text, and that everything else stays text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitor.core.model.think_tags import ThinkTags


def read(pieces: list[str]) -> tuple[str, str]:
    """Joins the pieces. Returns the whole reasoning and the whole text."""
    tags = ThinkTags()
    parts = [("", piece) if tags.over else tags.parted(piece) for piece in pieces]
    if not tags.over:
        parts.append(tags.rest())
    return "".join(thought for thought, _ in parts), "".join(text for _, text in parts)


TEXTS = {
    "<think>Let me see.</think>Hello": ("Let me see.", "Hello"),
    "\n<think>\nLet me see.\n</think>\n\nHello\n": ("\nLet me see.\n", "Hello\n"),
    "<think></think>Hello": ("", "Hello"),
    "<think>Is 1 < 2 </thin or </THINK>?</think>Yes": ("Is 1 < 2 </thin or </THINK>?", "Yes"),
    "<think>cut off": ("cut off", ""),
    "<think>cut off</thi": ("cut off</thi", ""),
    "Hello": ("", "Hello"),
    "  Hello": ("", "  Hello"),
    "<thinking>Hello</thinking>": ("", "<thinking>Hello</thinking>"),
    "<thin": ("", "<thin"),
    "A tag such as <think> is </think> text here.": ("", "A tag such as <think> is </think> text here."),
    "<think>a</think>b<think>c</think>": ("a", "b<think>c</think>"),
    " \n": ("", " \n"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_the_result_is_the_same_in_one_piece_and_letter_by_letter(text: str) -> None:
    assert read([text]) == TEXTS[text]
    assert read(list(text)) == TEXTS[text]


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "</", "a", " ", "\n"]), max_size=12))
def test_no_split_changes_the_result(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert read(pieces) == read([whole]) == read(list(whole))


@given(st.text(max_size=60))
def test_only_tags_and_the_whitespace_around_them_are_removed(text: str) -> None:
    thought, said = read(list(text))
    assert (thought, said) == ("", text) or text.lstrip().startswith("<think>")
