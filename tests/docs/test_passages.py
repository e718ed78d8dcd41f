"""Tests that passages come from documents, docstrings and messages, and that equal seeds pick equal passages."""

from tools.passages import Passage, documents, picked, strings


def test_paragraphs_and_list_items_are_passages_but_code_and_tables_are_not() -> None:
    page = "# Head\n\nOne whole\nparagraph.\n\n```console\n$ make\n```\n\n- an item\n- another one\n\n| a | b |\n"
    assert [passage.text for passage in documents("page.md", page)] == [
        "One whole\nparagraph.",
        "- an item",
        "- another one",
    ]


def test_docstrings_and_messages_are_passages_with_the_code_that_they_are_about() -> None:
    code = '"""Module."""\ndef f(name):\n    """Function."""\n    raise ValueError(f"no {name} here")\nPAGE = "a\\nb"\n'
    assert list(strings("a.py", code)) == [
        Passage("docstring", "a.py:1", "", "Module."),
        Passage("docstring", "a.py:3", "def f(name):", "Function."),
        Passage("message", "a.py:4", 'raise ValueError(f"no {name} here")', "no {name} here"),
    ]


def test_a_seed_picks_the_same_passages_of_all_kinds_and_another_picks_others() -> None:
    one = picked(1, 20)
    assert one == picked(1, 20) != picked(2, 20)
    assert [passage.kind for passage in one].count("document") == 7
    assert len({passage.kind for passage in one}) == 3
