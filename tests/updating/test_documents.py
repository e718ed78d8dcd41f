"""Checks docs/updating.md against the code: the output, the options, the zones and the supported versions."""

import re
from pathlib import Path

from templates_variants.engine.bake.zones import zone_of

from ..template_path import TEMPLATE, UNBAKED
from . import owner
from .test_tools import COOKIECUTTERS
from .updating import update

DOCUMENT = (TEMPLATE / "docs" / "updating.md").read_text(encoding="utf-8")


def plain(text: str) -> list[str]:
    """Returns the lines with all numbers replaced by 0, without empty lines and without the line "Fetching ..."."""
    return [re.sub(r"\d+", "0", line) for line in text.splitlines() if line and "Fetching" not in line]


def test_an_update_prints_what_the_document_shows(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    said = plain(update(repo, home).stdout)
    shown = DOCUMENT.split("$ make update\n")[1].split("```")[0]
    assert plain(shown.replace("Go on? [y/N] y\n", "")) == said


def test_the_options_are_those_of_the_command() -> None:
    named = set(re.findall(r"^\| `(--[a-z-]+)", DOCUMENT, re.MULTILINE))
    command = (UNBAKED / "competitor" / "__main__.py").read_text(encoding="utf-8")
    assert named == set(re.findall(r'update\.add_argument\("(--[a-z-]+)"', command))


def test_the_zones_are_those_of_the_template() -> None:
    rows = re.findall(r"^\| (contract|owner|shared|derived) \| (.*?) \|", DOCUMENT, re.MULTILINE)
    assert len(rows) == 4
    for zone, files in rows:
        for name in re.findall(r"`([^`]+)`", re.sub(r" except `[^`]+`", "", files)):
            path = f"{name}test_mine.py" if name.endswith("/") else name.replace("*", "-dev")
            assert zone_of(path) == zone, name


def test_the_supported_versions_of_cookiecutter_are_those_that_are_tested() -> None:
    assert f"cookiecutter {COOKIECUTTERS[0]} to {COOKIECUTTERS[-1]}," in DOCUMENT
