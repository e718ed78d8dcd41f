"""Tests that docs/matrix.md shows the expected verdicts, of known cases. `make matrix` compares them with servers."""

from competitor.checks import CASES

from .matrix import MATRIX, PAGE, expected, page


def test_the_page_shows_the_expected_verdicts() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "`make matrix` writes it"


def test_every_expected_verdict_is_of_a_case() -> None:
    for name in MATRIX:
        assert {*expected(name)["broken"], *expected(name)["holds"]} <= CASES.keys(), name


def test_the_good_servers_break_no_must() -> None:
    broken = {case for name, entry in MATRIX.items() if entry.ours for case in expected(name)["broken"]}
    assert {case for case in broken if CASES[case].severity == "must"} == set()
