"""Tests that no error can hurt what explains it: errors come from the owner's code, and may have any text."""

import time

import pytest

from competitor.core.observe.slips import MAX_MESSAGE_CHARACTERS, explained


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Closed:
    def __dir__(self) -> list[str]:
        raise RuntimeError("no names")


def attribute(name: str, of: object) -> AttributeError:
    error = AttributeError(f"no attribute {name}")
    error.name, error.obj = name, of
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Mute(), "Mute."),
        (attribute("x", Closed()), "AttributeError."),
        (ExceptionGroup("two", [ValueError("one"), ValueError("other")]), "ValueError: one."),
        (ValueError(), "ValueError."),
        (ValueError("first\nsecond"), "ValueError: first."),
    ],
)
def test_any_error_is_explained(error: Exception, said: str) -> None:
    assert explained(error) == said


def test_a_long_text_costs_no_time_and_is_cut() -> None:
    long = "x" * 5_000_000
    began = time.process_time()
    said = [explained(error) for error in (ValueError(long), KeyError(long), attribute(long, "text"), NameError(long))]
    assert time.process_time() - began < 10  # looking for similar names would take hours
    assert max(map(len, said)) < 3 * MAX_MESSAGE_CHARACTERS


def test_errors_that_cause_each_other_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert explained(one) == "ValueError: one."
