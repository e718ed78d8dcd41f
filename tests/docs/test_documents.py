"""Tests that the links, commands and files that documents name exist."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tools.pictures import BOXES, drawn

from ..baking.baking import template_files
from ..template_path import TEMPLATE, UNBAKED

OURS = sorted(
    TEMPLATE / path
    for path in template_files()
    if path.endswith(".md") and "{{" not in path and not path.startswith("tests/")
)
NAMES = [document.relative_to(TEMPLATE).as_posix() for document in OURS]
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def documents(project: Path) -> list[Path]:
    return [path for path in sorted(project.rglob("*.md")) if ".janus" not in path.parts]


def links(document: Path) -> Iterator[str]:
    prose = _FENCED.sub("", document.read_text(encoding="utf-8"))
    yield from re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(document: Path) -> set[str]:
    """The anchors of the headings, as GitHub and other forges generate them."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(document: Path) -> list[str]:
    found = []
    for link in links(document):
        parts = urlsplit(link)
        if parts.scheme:
            host = re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?|localhost:\d+", parts.netloc)
            good = parts.scheme in ("https", "http") and host is not None
        else:
            path = parts.path.replace("%7B", "{").replace("%7D", "}")
            goal = document.parent / path if path else document
            good = goal.exists() and (not parts.fragment or parts.fragment in anchors(goal))
        if not good:
            found.append(link)
    return found


@pytest.mark.parametrize("document", OURS, ids=NAMES)
def test_every_link_of_the_template_leads_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_every_link_of_a_bake_leads_somewhere(projects: list[Path]) -> None:
    for project in projects:
        for document in documents(project):
            assert broken(document) == [], document


def test_a_link_that_leads_nowhere_would_be_seen(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("# A b\n[a](gone.md) [b](page.md#c) [c](#a-b) [d](https://x) [e](https://octo.org/a)\n")
    assert broken(document) == ["gone.md", "page.md#c", "https://x"]


def targets(makefile: Path) -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*##", makefile.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_target_of_make_that_is_named_exists(projects: list[Path]) -> None:
    of_a_bake = targets(projects[0] / "Makefile")
    for documented, known in (
        (OURS, of_a_bake | targets(TEMPLATE / "Makefile")),
        ([page for project in projects for page in documents(project)], of_a_bake),
    ):
        for document in documented:
            text = document.read_text(encoding="utf-8")
            named = set(re.findall(r"(?:^\$ |`|&& )make ([a-z-]+)", text, re.MULTILINE))
            assert named <= known, (document, named - known)


def test_every_command_of_a_competitor_that_is_named_exists_with_its_options(projects: list[Path]) -> None:
    pages = [*OURS, *(page for project in projects for page in documents(project))]
    found = {
        line
        for page in pages
        for line in re.findall(r"(?:python -m )?competitor ([a-z]+(?: --[a-z-]+)*)", page.read_text(encoding="utf-8"))
        if f"competitor {line}" in page.read_text(encoding="utf-8")
    }
    helps: dict[str, str] = {}
    for line in found:
        command, *options = line.split()
        if command not in COMMANDS:
            continue  # the word in a sentence
        if command not in helps:
            asked = [sys.executable, "-m", "competitor", command, "--help"]
            helps[command] = subprocess.run(asked, cwd=projects[0], capture_output=True, text=True, check=True).stdout
        for option in options:
            assert option in helps[command], line
    assert helps.keys() >= {"run", "ask", "check", "submission", "workshop", "verify", "update"}
    shown = subprocess.run(
        [sys.executable, "-m", "competitor", "--help"], cwd=projects[0], capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^    ([a-z-]+)(?: |$)", shown, re.MULTILINE)) == COMMANDS


COMMANDS = set(
    shlex.split(
        "serve run test test-mine lint fix lock ask check eval arena submission workshop settings verify update "
        "outdated health"
    )
)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/layout.md", "docs/workshop-trainer.md", "docs/models.md"])
def test_every_file_that_a_page_names_is_there(page: str) -> None:
    text = (TEMPLATE / page).read_text(encoding="utf-8")
    for name in re.findall(r"`([\w./{}-]+(?:\.py|\.md|\.json|\.yaml|\.in|/))`", text):
        places = [
            TEMPLATE,
            UNBAKED,
            UNBAKED / "competitor",
            *TEMPLATE.glob(f"templates_variants/*/{UNBAKED.name}/competitor"),
        ]
        there = any((place / name).exists() for place in places) or any(TEMPLATE.rglob(Path(name).name))
        assert there or name.startswith("baker"), name


def test_the_picture_of_the_architecture_is_current_and_names_existing_files() -> None:
    assert (TEMPLATE / "docs" / "architecture.svg").read_text(encoding="utf-8") == drawn()
    for box in BOXES:
        for name in re.findall(r"[\w/]+(?:\.py|/)", " ".join([box.title, *box.lines])):
            assert list(TEMPLATE.rglob(name.rstrip("/"))), name


@pytest.mark.parametrize("name", ["check-report", "console"])
def test_a_photograph_is_a_picture_and_a_document_shows_it(name: str) -> None:
    data = (TEMPLATE / "docs" / f"{name}.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20], "big") >= 1000  # its width
    assert any(f"{name}.png" in page.read_text(encoding="utf-8") for page in OURS)


def test_what_assistants_are_told_of_files_is_what_the_zones_say(projects: list[Path]) -> None:
    from templates_variants.engine.bake.zones import zone_of

    text = (projects[0] / "AGENTS.md").read_text(encoding="utf-8")
    may = {
        path: row
        for first, row in re.findall(r"^\| (`.+?) \| (yes|with care|never|only by)", text, re.MULTILINE)
        for path in re.findall(r"`([^`]+)`", first)
    }
    expected = {"owner": "yes", "shared": "with care", "derived": "only by", "contract": "never"}
    for path, row in may.items():
        if "*" not in path and path not in ("backend/", "competitor/", ".janus/"):
            probe = f"{path}x" if path.endswith("/") else path
            assert row == expected[zone_of(probe)], path
    assert set(may.values()) == set(expected.values())


def test_the_first_screens_show_what_commands_tree_and_the_file_to_edit(projects: list[Path]) -> None:
    for page in (TEMPLATE / "README.md", *(project / "README.md" for project in projects)):
        screen = "\n".join(page.read_text(encoding="utf-8").splitlines()[:60])
        assert screen.count("\n$ ") >= 3, page
        assert "file to edit" in screen
        assert re.search(r"agent\.py +<-", screen), page
