"""Tests when an artifact's event and its link are sent: the event at once, the link with the text that follows."""

from collections.abc import Callable
from typing import Any

import pytest

from competitor.core.answer.answer import Answer
from competitor.core.answer.forms import StreamForm
from competitor.core.artifacts.descriptor import Artifact
from competitor.core.events import Reasoning, Text
from competitor.core.limits import MAX_LINK_CHARACTERS, MAX_PACED_LINK_CHARACTERS

from .test_answer import answer as whole
from .test_answer import request, text_of


class Written:
    """A form that writes down what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *given: self.got.append((name, given[0]))


def artifact(number: int = 1, url: str = "http://localhost/a") -> Artifact:
    return Artifact(f"art_{number}", "file", "text/plain", f"{number}.txt", 1, "0", "2026-01-01T00:00:00Z", 60, url)


@pytest.fixture
def form() -> Written:
    return Written()


@pytest.fixture
def answer(form: Written) -> Answer:
    return Answer(form, request(), 100_000)  # type: ignore[arg-type]


def sent(form: Written) -> list[tuple[str, Any]]:
    return [(name, given["id"] if name == "artifact" else given) for name, given in form.got]


def test_the_event_is_sent_at_once_and_the_link_with_the_text_that_follows(form: Written, answer: Answer) -> None:
    answer.take(artifact())
    assert sent(form) == [("artifact", "art_1")]
    answer.take(Reasoning("hm"))
    answer.take(Text("\n\n"))
    assert [name for name, _ in sent(form)] == ["artifact", "reasoning", "text"]
    answer.take(Text("Done."))
    assert sent(form)[-2:] == [("link", "\n\n[1.txt](http://localhost/a)\n\n"), ("text", "Done.")]


def test_without_text_the_link_is_sent_at_the_end(form: Written, answer: Answer) -> None:
    answer.take(artifact())
    answer.take(artifact(2))
    answer.close()
    links = [("link", "[1.txt](http://localhost/a)\n\n"), ("link", "\n\n[2.txt](http://localhost/a)\n\n")]
    assert sent(form) == [("artifact", "art_1"), ("artifact", "art_2"), *links]


def test_a_note_at_the_end_comes_after_the_link(form: Written, answer: Answer) -> None:
    answer.take(artifact())
    answer.close("It failed.")
    assert sent(form)[-2:] == [("link", "[1.txt](http://localhost/a)\n\n"), ("text", "\n\nIt failed.")]


def test_half_a_character_does_not_send_the_link(form: Written, answer: Answer) -> None:
    answer.take(artifact())
    answer.take(Text("\ud83d"))
    assert [name for name, _ in sent(form)] == ["artifact"]
    answer.take(Text("\ude00"))
    assert sent(form)[-2:] == [("link", "[1.txt](http://localhost/a)\n\n"), ("text", "\U0001f600")]


def test_a_whole_answer_has_the_link_at_the_same_place() -> None:
    made, form = whole()
    made.take(Text("Look:"))
    made.take(artifact())
    made.take(Text("Done."))
    made.close()
    assert text_of(form) == "Look:\n\n[1.txt](http://localhost/a)\n\nDone."


class Pacer:
    """Writes down what is paced."""

    def __init__(self, got: list[str]) -> None:
        self.text: Callable[[str], None] = lambda text: got.append(f"paced {len(text)}")
        self.flush: Callable[[], None] = lambda: got.append("flush")


@pytest.mark.parametrize(
    ("characters", "expected"),
    [
        (MAX_PACED_LINK_CHARACTERS, [f"paced {MAX_PACED_LINK_CHARACTERS}"]),
        (MAX_PACED_LINK_CHARACTERS + 1, ["flush", f"wrote {MAX_PACED_LINK_CHARACTERS + 1}"]),
        (MAX_LINK_CHARACTERS + 5, ["flush", f"wrote {MAX_LINK_CHARACTERS}", "flush", "wrote 5"]),
    ],
)
def test_a_long_link_is_not_paced(characters: int, expected: list[str]) -> None:
    got: list[str] = []

    class Parts:
        delta = staticmethod(lambda delta: b"")
        text = staticmethod(lambda text: text)

    class Writer:
        write = staticmethod(lambda chunk: got.append(f"wrote {len(chunk)}") if chunk else None)

    form = StreamForm(Parts, Writer)  # type: ignore[arg-type]
    form.pacer = Pacer(got)  # type: ignore[assignment]
    form.text = form.pacer.text  # type: ignore[union-attr]
    form.link("x" * characters)
    assert got == expected
