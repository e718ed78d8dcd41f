"""Tests that the tables in a generated repo's documents match the code."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from competitor import api
from competitor.core import events
from competitor.core.errors import CODES
from competitor.core.observe.metrics import Metrics
from competitor.core.settings import Settings, markdown_table, variables
from tools import tables


@pytest.fixture
def page(projects: list[Path]) -> Callable[[str], str]:
    return lambda name: (projects[0] / "docs" / f"{name}.md").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| .*$", part, re.MULTILINE)
    ][2:]


def test_every_event_is_in_the_table_and_no_other(page: Callable[[str], str]) -> None:
    named = [name for row in rows(page("backend"), "What a backend yields") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(event.__name__ for event in get_args(events.Event))


def test_every_limit_is_the_setting_s_default(page: Callable[[str], str]) -> None:
    defaults = {variables(field)[0]: field.default for field in Settings.model_fields.values()}
    found = rows(page("settings"), "Limits")
    assert len(found) >= 12
    for what, limit, setting in found:
        number = re.match(r"\d+", limit)
        assert number is not None, what
        assert float(number[0]) == defaults[setting.strip("`")], what


def test_every_setting_error_and_figure_is_in_its_table(page: Callable[[str], str]) -> None:
    assert markdown_table() in page("settings")
    codes = [row[0].strip("`") for row in rows(page("operating"), "Errors")]
    assert codes == sorted(CODES, key=lambda code: (CODES[code][0], codes.index(code)))
    assert Metrics(version="1", backend="b", model="m").markdown_table() in page("operating")


def test_the_table_of_the_api_is_made_from_it(page: Callable[[str], str]) -> None:
    text = page("backend")
    assert text == tables.written("api", text)
    assert [row.split("`")[1] for row in tables.api_table().splitlines()[2:]] == api.__all__


def test_the_table_of_the_ways_to_offer_tools_is_made_from_the_code() -> None:
    text = tables.PAGES["tools"].read_text(encoding="utf-8")
    assert text == tables.written("tools", text)
