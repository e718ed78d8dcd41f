"""Tests that a changed contract file needs a new version, so that no two contracts have the same version."""

import json
import re
from pathlib import Path

import pytest

from tools.release import LOCK, problems, state, unfinished

from ..template_path import TEMPLATE, UNBAKED
from .baking import copy_template


def test_the_versions_moved_with_the_contract_s_files() -> None:
    assert problems(TEMPLATE) == []


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A copy of the template whose current files are recorded as the last release."""
    copy_template(tmp_path)
    (tmp_path / LOCK).write_text(json.dumps(state(tmp_path)), encoding="utf-8")
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_released_version_has_no_problem(released: Path) -> None:
    assert problems(released) == []


def test_a_changed_core_wants_another_version_and_a_word_in_the_changelog(released: Path) -> None:
    edit(released / UNBAKED.name / "competitor" / "core" / "answer" / "admission.py", '"""', '"""Other. ')
    (found,) = problems(released)
    assert found.startswith("competitor/core/answer/admission.py changed since ")
    version = state(released)["template_version"]
    edit(released / "cookiecutter.json", f'"_template_version": "{version}"', '"_template_version": "9.0.0"')
    (found,) = problems(released)
    assert found.startswith("CHANGELOG.md must begin with `## [9.0.0] - unreleased`")
    edit(released / "CHANGELOG.md", "## [", "## [9.0.0] - unreleased\n\n### Added\n\n- Waves.\n\n## [")
    assert problems(released) == []


def test_a_new_and_a_dropped_file_count_as_changes(released: Path) -> None:
    core = released / UNBAKED.name / "competitor" / "core"
    (core / "answer" / "admission.py").rename(core / "waves.py")
    assert "competitor/core/answer/admission.py, competitor/core/waves.py changed" in problems(released)[0]


def test_changed_clauses_want_another_version_of_the_contract(released: Path) -> None:
    now = state(released)
    edit(released / UNBAKED.name / "CONTRACT.md", "must", "shall")
    versions = f'"_template_version": "{now["template_version"]}"'
    edit(released / "cookiecutter.json", versions, '"_template_version": "9.0.0"')
    edit(released / "CHANGELOG.md", "## [", "## [9.0.0] - unreleased\n\n### Added\n\n- Waves.\n\n## [")
    (found,) = problems(released)
    assert found == f"CONTRACT.md changed since contract {now['contract_version']}; raise _contract_version"
    edit(released / "cookiecutter.json", '"_contract_version": "', '"_contract_version": "8')
    (found,) = problems(released)
    assert found.startswith("in CHANGELOG.md, the section of 9.0.0 must begin with the heading `### Contract 8")


def test_the_contract_s_changes_stand_first_in_each_version_of_the_changelog() -> None:
    versions = re.split(r"^## ", (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    for version in versions:
        sections = re.findall(r"^### (\w+)", version, re.MULTILINE)
        assert "Contract" not in sections[1:], version.splitlines()[0]


def test_a_version_with_known_gaps_or_open_requirements_is_not_released(released: Path) -> None:
    gaps = released / UNBAKED.name / "tests" / "contract" / "known_gaps.py"
    open_one = released / UNBAKED.name / "competitor" / "checks" / "requirements" / "1.1.0.json"
    gaps.write_text("KNOWN_GAPS: dict[str, str] = {}\n", encoding="utf-8")
    open_one.write_text('{"contract": "1.1.0", "status": "frozen"}', encoding="utf-8")
    assert unfinished(released) == []
    gaps.write_text('KNOWN_GAPS: dict[str, str] = {\n    "N3/2": "not yet",\n}\n', encoding="utf-8")
    open_one.write_text('{"contract": "1.1.0", "status": "open"}', encoding="utf-8")
    assert unfinished(released) == [
        "the core does not keep N3/2 yet: known_gaps.py must be empty",
        "the requirements of contract 1.1.0 are open: set their status to frozen",
    ]
