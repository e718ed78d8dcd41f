"""The tables of a bake's README hold what the code holds. (Settings, errors, metrics: also in the bake's own tests.)"""

import re
from pathlib import Path
from typing import get_args

import pytest

from competitor.core import events
from competitor.core.errors import CODES
from competitor.core.observe.metrics import Metrics
from competitor.core.settings import Settings, markdown_table, variables


@pytest.fixture
def readme(projects: list[Path]) -> str:
    return (projects[0] / "README.md").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| .*$", part, re.MULTILINE)
    ][2:]


def test_every_event_is_in_the_table_and_no_other(readme: str) -> None:
    named = [name for row in rows(readme, "What a backend yields") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(event.__name__ for event in get_args(events.Event))


def test_every_limit_is_the_setting_s_default(readme: str) -> None:
    defaults = {variables(field)[0]: field.default for field in Settings.model_fields.values()}
    found = rows(readme, "Limits")
    assert len(found) >= 12
    for what, limit, setting in found:
        number = re.match(r"\d+", limit)
        assert number is not None, what
        assert float(number[0]) == defaults[setting.strip("`")], what


def test_every_setting_error_and_figure_is_in_its_table(readme: str) -> None:
    assert markdown_table() in readme
    assert [row[0].strip("`") for row in rows(readme, "Errors")] == sorted(
        CODES, key=lambda code: (CODES[code][0], [row[0].strip("`") for row in rows(readme, "Errors")].index(code))
    )
    assert Metrics(version="1", backend="b", model="m").markdown_table() in readme
