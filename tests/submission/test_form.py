"""Tests that the form is read strictly, and that the error for each mistake names the field and the remedy."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from competitor.submission import addresses
from competitor.submission.fields import RULES
from competitor.submission.form import parsed, paste

from .forms import BAD_FORMS, GOOD, GOOD_FORMS, HOTKEY, Bad, with_line


@pytest.mark.parametrize("text", GOOD_FORMS.values(), ids=GOOD_FORMS.keys())
def test_a_good_form_passes(text: str) -> None:
    form, problems = parsed(text.encode())
    assert [str(problem) for problem in problems] == []
    assert form["name"] == "chemist"


@pytest.mark.parametrize("bad", BAD_FORMS, ids=lambda bad: bad.name)
def test_a_bad_form_gets_a_sentence_that_names_the_field_and_the_remedy(bad: Bad) -> None:
    _, problems = parsed(bad.text.encode())
    said = [str(problem) for problem in problems if problem.field == bad.field]
    assert len(said) == 1, problems
    assert said[0].startswith(f"{bad.field} ")
    assert bad.remedy in said[0]
    assert said[0].endswith(".")
    others = [problem for problem in problems if problem.field != bad.field]
    assert len(others) <= (bad.name == "a field misspelt"), others


def test_there_are_at_least_forty_different_bad_forms() -> None:
    assert len({bad.text for bad in BAD_FORMS}) == len(BAD_FORMS) >= 40
    assert len(GOOD_FORMS) >= 5


def test_all_problems_are_reported_at_once() -> None:
    text = "name: 1\nimage: X\nhotkey: Y\nsource: Z\nlicense: none\ndescription: short\nchangelog: 2\nmore: 3\n"
    _, problems = parsed(text.encode())
    assert [problem.field for problem in problems] == [*list(RULES)[:7], "more"]


def test_a_form_that_is_not_utf_8_or_is_too_large_is_refused() -> None:
    for data, remedy in ((b"name: \xff\xfe", "save it in that encoding"), (b"#" * 70_000, "write only the fields")):
        _, (problem,) = parsed(data)
        assert remedy in str(problem)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    _, problems = parsed(data)
    assert problems


@given(st.text(min_size=1, max_size=80))
def test_no_text_makes_a_rule_raise_and_no_error_echoes_the_text(text: str) -> None:
    for rule in RULES.values():
        assert len(text) < 12 or text not in rule(text)


@given(st.integers(0, len(HOTKEY) - 1), st.sampled_from("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"))
def test_a_hotkey_with_any_one_character_changed_is_refused(place: int, sign: str) -> None:
    changed = HOTKEY[:place] + sign + HOTKEY[place + 1 :]
    assert bool(addresses.hotkey(changed)) == (changed != HOTKEY)


def test_the_text_to_paste_has_every_field_in_the_order_of_the_form() -> None:
    form, _ = parsed(with_line('name: "chemist & co"', GOOD).encode())
    text = paste(form)
    places = [text.index(str(form[name])) for name in RULES]
    assert places == sorted(places)
    assert "Name\nchemist & co\n" in text


def test_the_digest_of_the_contract_files_is_the_last_paragraph() -> None:
    form, _ = parsed(GOOD.encode())
    text = paste(form, "janus-template 1.2.3, variant proxy, sha256:abc")
    assert text.startswith(paste(form))
    last = "Contract files\njanus-template 1.2.3, variant proxy, sha256:abc\nThe reviewer compares this digest"
    assert text.removeprefix(paste(form)).startswith(f"\n{last}")
