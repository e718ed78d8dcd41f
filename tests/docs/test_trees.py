"""The trees in the documents show the folders as they are: everything that is named exists, and nothing is left out."""

import re
from pathlib import Path

from ..baking.baking import template_files
from ..template_path import TEMPLATE

_ENTRY = re.compile(r"^( *)((?:[\w.{}-]+/? ?)+?)(?:  +.*|\s*<-.*)?$")


def tree(page: Path) -> dict[str, list[str]]:
    """Folder -> the entries that the page's first tree shows in it; "" is the root."""
    blocks = re.findall(r"^```(\w*).*?\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    block = next(text for language, text in blocks if not language)
    shown: dict[str, list[str]] = {"": []}
    above: list[str] = []
    for line in block.splitlines():
        match = _ENTRY.match(line)
        assert match is not None, line
        depth = len(match[1]) // 2
        folder = "/".join(above[:depth])
        names = match[2].split()
        shown.setdefault(folder, []).extend(name.rstrip("/") for name in names)
        above = [*above[:depth], names[-1].rstrip("/")]
    return shown


def entries(paths: list[str], folder: str) -> set[str]:
    """The files and folders directly in a folder of these paths."""
    start = f"{folder}/" if folder else ""
    return {path.removeprefix(start).split("/")[0] for path in paths if path.startswith(start)}


def differences(page: Path, paths: list[str], unshown: set[str]) -> list[str]:
    found = []
    for folder, names in tree(page).items():
        there = entries(paths, folder)
        found += [f"{folder}/{name} does not exist" for name in names if name not in there]
        found += [f"{folder}/{name} is not shown" for name in sorted(there - set(names)) if name not in unshown]
    return found


def test_the_template_s_tree_is_complete() -> None:
    # The tests' own helpers lie beside their folders.
    helpers = {path.split("/")[1] for path in template_files() if re.fullmatch(r"tests/\w+\.py", path)}
    assert differences(TEMPLATE / "docs" / "layout.md", sorted(template_files()), helpers) == []


def test_a_generated_repo_s_tree_is_complete(projects: list[Path]) -> None:
    for project in projects:
        paths = [path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()]
        made = [path for path in paths if "__pycache__" not in path]
        owners = {"tools.py", "__init__.py", "__main__.py", "conftest.py"}  # not for a first look
        assert differences(project / "README.md", made, owners) == []


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\na/            one\n  b.py        two\nc.md <- yours\n```\n", encoding="utf-8")
    assert differences(page, ["a/b.py", "c.md"], set()) == []
    assert differences(page, ["a/d.py", "c.md"], {"x"}) == ["a/b.py does not exist", "a/d.py is not shown"]
