"""Finds where a text may be cut: never within a character that a reader sees, and between words if possible."""
# Contract file: replaced by updates.

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

# A delta of at least this many characters ends after a word if possible.
_WORD_CHARACTERS = 6


@cache
def _clusters() -> "regex.Pattern[str]":
    import regex  # imported here, since English text does not need it

    return regex.compile(r"\X")  # an extended grapheme cluster (UAX #29)


def cut(text: str, start: int, wanted: int) -> int:
    """Returns the end of a piece that begins at `start` and has about `wanted` characters.

    `start` must be a character boundary, and `wanted` must be at least 1.
    """
    end = start + wanted
    if end >= len(text):
        return len(text)
    if wanted >= _WORD_CHARACTERS:
        after_word = text.rfind(" ", start + wanted // 2, end + wanted // 2) + 1
        if after_word and (text.isascii() or _is_boundary(text, start, after_word)):
            return after_word
    if text.isascii():
        return end + (text[end - 1] == "\r" and text[end] == "\n")
    return _boundary(text, start, end)


def _boundary(text: str, start: int, least: int) -> int:
    """The first character boundary at or after `least`."""
    for cluster in _clusters().finditer(text, start):
        if cluster.end() >= least:
            return cluster.end()
    return len(text)


def _is_boundary(text: str, start: int, place: int) -> bool:
    return _boundary(text, start, place) == place
