"""Tests that the first words of a turn are held, and how they are sent afterwards."""

from collections.abc import Mapping
from typing import Any

import pytest

from competitor.core.events import NO_FIELDS, Flow
from competitor.core.model.held import HeldText
from competitor.core.usage import Usage


class Sink:
    """Writes down what it gets. The client has the tool `theirs`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.flow = Flow()

    def text(self, text: str) -> None:
        self.got.append(("text", text))

    def reasoning(self, text: str) -> None:
        self.got.append(("reasoning", text))

    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None:
        self.got.append(("call", name))
        return 0 if name == "theirs" else None

    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None: ...

    def arguments(self, number: int, piece: str) -> None:
        self.got.append(("arguments", piece))

    def usage(self, usage: Usage) -> None: ...
    def finish(self, reason: Any) -> None: ...
    def waits(self, characters: int) -> None: ...
    def doing(self, what: str) -> None: ...


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def held(sink: Sink) -> HeldText:
    return HeldText(sink, 10, {"theirs"})


def test_nothing_was_told_until_text_reasoning_or_a_call_of_the_client_s_tool_is_passed_on(sink: Sink) -> None:
    told = []
    for use in ("wait", "text", "reasoning", "ours", "theirs"):
        held = HeldText(sink, 10, {"theirs"})
        if use in ("wait", "text"):
            held.text("short" if use == "wait" else "long enough")
        elif use == "reasoning":
            held.reasoning("x")
        else:
            held.call("1", use)
        told.append(held.has_told)
    assert told == [False, True, True, False, True]


def test_a_few_words_wait(sink: Sink, held: HeldText) -> None:
    held.text("Let me ")
    assert sink.got == []


def test_enough_characters_are_text_and_later_ones_do_not_wait(sink: Sink, held: HeldText) -> None:
    for piece in ("Let me ", "see, ", "now ", "on"):
        held.text(piece)
    assert sink.got == [("text", "Let me see, "), ("text", "now "), ("text", "on")]


def test_words_before_a_call_of_our_tool_become_reasoning(sink: Sink, held: HeldText) -> None:
    held.text("Let me ")
    held.call("1", "ours")
    held.release()
    assert sink.got == [("reasoning", "Let me \n"), ("call", "ours")]
    assert held.reasoned == len("Let me ")


def test_words_before_a_call_of_the_client_s_tool_stay_text(sink: Sink, held: HeldText) -> None:
    held.text("Let me ")
    held.call("1", "theirs")
    held.arguments(0, "{}")
    assert sink.got == [("text", "Let me "), ("call", "theirs"), ("arguments", "{}")]
    assert held.reasoned == 0


def test_at_the_end_they_are_text(sink: Sink, held: HeldText) -> None:
    held.text("No.")
    held.release()
    assert sink.got == [("text", "No.")]


def test_reasoning_does_not_wait(sink: Sink, held: HeldText) -> None:
    held.text("Let ")
    held.reasoning("hm")
    assert sink.got == [("reasoning", "hm")]
