"""Tests that every rule of the contract has cases, or a reason why it has none, and that the pages in docs/ say so."""

import re
from collections import Counter

from competitor.checks import CASES

from .pages import CONTRACT, DOCS, SENTENCE_END, pages
from .rules import RULES

# Words with which a line begins that has no rule: the heads of tables.
HEADS = ("| Route |", "| Field |", "| # |", "| What |", "|---")


def sentences() -> list[str]:
    """The sentences and the rows of tables in sections 1 to 9, without ids that have a line of their own."""
    lines = [line for line in CONTRACT.splitlines() if line and not line.startswith(("#", *HEADS))]
    found = [each for line in lines for each in re.split(SENTENCE_END, line)]
    return [each for each in found if not re.fullmatch(r"(?:- )?[A-Z]\d+(?: \([^)]*\))?\.", each)]


def test_every_rule_is_quoted_from_the_contract_once() -> None:
    assert not [rule.quotation for rule in RULES if rule.quotation not in CONTRACT]
    assert not [words for words, count in Counter(rule.quotation for rule in RULES).items() if count > 1]


def test_every_sentence_and_row_of_the_contract_has_a_rule() -> None:
    assert not [each for each in sentences() if not any(rule.quotation in each for rule in RULES)]


def test_every_rule_has_cases_or_a_reason_why_it_has_none() -> None:
    for rule in RULES:
        assert bool(rule.cases) is not bool(rule.why_none), rule.quotation
        assert set(rule.cases.split()) <= set(CASES), rule.quotation


def test_every_case_looks_at_a_rule() -> None:
    assert set(CASES) - {case for rule in RULES for case in rule.cases.split()} == set()


def test_the_pages_are_those_that_make_tables_writes() -> None:
    written = dict(pages())
    assert not [path for path, text in written.items() if (DOCS / path).read_text(encoding="utf-8") != text]
    assert {f"clauses/{path.name}" for path in (DOCS / "clauses").iterdir()} | {"rules.md"} == written.keys()
