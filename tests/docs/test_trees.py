"""Tests that the trees in the documents match the folders: all named files exist, and no file is left out.

A tree is a fenced block without a language in which every line names entries: `  name other/  description`. A folder
with lines below it shows all its entries; a pattern such as `*.py` stands for all files that match it. A
tree may leave out `__init__.py` files.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

from ..baking.baking import SLUG, template_files
from ..template_path import TEMPLATE

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^( *)([\w.*/{}-]+(?: [\w.*/{}-]+)*)(?: {2,}\S.*| +<- .*)?$")
INDENT = 2
CACHES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv"}
NOT_NAMED = "__init__.py"

# The pages that show a tree, and the folder that the tree shows: the template, or a generated repo.
OF_THE_TEMPLATE = {"docs/layout.md": "", "README.md": SLUG}


class Line(NamedTuple):
    depth: int
    names: list[str]


def trees(text: str) -> Iterator[list[Line]]:
    """Yields the trees of a page. Raises AssertionError if a line is more than one level deeper than the line above."""
    for language, block in _FENCED.findall(text):
        matches = [_LINE.match(line) for line in block.splitlines()]
        if language or len(matches) < 2 or not all(matches):
            continue
        lines = [Line(len(match[1]) // INDENT, match[2].split()) for match in matches if match is not None]
        for above, line in zip([Line(-1, []), *lines], lines, strict=False):
            assert line.depth <= above.depth + 1, f"{line.names} is indented too far"
        yield lines


def listing(lines: list[Line]) -> dict[str, list[str]]:
    """Maps each folder to the names that the tree lists in it. "" is the folder that the tree shows."""
    named: dict[str, list[str]] = {}
    parents: list[str] = []
    for depth, names in lines:
        del parents[depth:]
        folder = "/".join(parents)
        named.setdefault(folder, []).extend(name.rstrip("/") for name in names)
        parents.append(names[-1].rstrip("/"))
    return named


def differences(lines: list[Line], paths: set[str]) -> list[str]:
    """The differences between the tree and these paths of files."""
    found = []
    for folder, names in listing(lines).items():
        prefix = f"{folder}/" if folder else ""
        below = [path.removeprefix(prefix) for path in paths if path.startswith(prefix)]
        found += [f"{prefix}{name} does not exist" for name in names if not any(leads_to(name, path) for path in below)]
        found += [
            f"{prefix}{entry} is not shown"
            for entry in sorted({path.split("/")[0] for path in below} - {NOT_NAMED})
            if not any(fnmatchcase(entry, name.split("/")[0]) for name in names)
        ]
    return found


def leads_to(name: str, path: str) -> bool:
    """Whether the name, which may be a pattern, matches this file or a folder above it."""
    parts, steps = name.split("/"), path.split("/")
    return len(parts) <= len(steps) and all(fnmatchcase(step, part) for step, part in zip(steps, parts, strict=False))


def files(root: Path) -> set[str]:
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if CACHES.isdisjoint(path.parts)}


@pytest.mark.parametrize("page", OF_THE_TEMPLATE)
def test_the_template_s_trees_are_its_folders(page: str, projects: list[Path]) -> None:
    shown = list(trees((TEMPLATE / page).read_text(encoding="utf-8")))
    assert len(shown) == 1
    if not OF_THE_TEMPLATE[page]:
        assert differences(shown[0], set(template_files())) == []
        return
    for project in projects:
        assert differences(shown[0], {f"{OF_THE_TEMPLATE[page]}/{path}" for path in files(project)}) == []


def test_no_other_page_of_the_template_shows_a_tree() -> None:
    pages = [path for path in template_files() if path.endswith(".md") and "{{" not in path]
    assert {page for page in pages if list(trees((TEMPLATE / page).read_text(encoding="utf-8")))} == {*OF_THE_TEMPLATE}


def test_a_generated_repo_s_trees_are_its_folders(projects: list[Path]) -> None:
    for project in projects:
        compared = []
        for page in sorted(path for path in files(project) if path.endswith(".md") and not path.startswith(".janus/")):
            folder = (project / page).parent if page.startswith("competitor/") else project
            for lines in trees((project / page).read_text(encoding="utf-8")):
                assert differences(lines, files(folder)) == [], page
                compared.append(page)
        assert "README.md" in compared


PAGE = """
```
a/            one
  b.py        two
  c/d.py      three
*.md <- yours
```

```console
$ ls
```
"""


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        ({"a/b.py", "a/c/d.py", "a/__init__.py", "e.md"}, []),
        ({"a/b.py", "a/c/d.py", "a/c/f.py", "e.md", "g.md"}, []),
        ({"a/b.py", "a/c/f.py", "e.md"}, ["a/c/d.py does not exist"]),
        ({"a/b.py", "a/c/d.py", "a/x.py", "e.md"}, ["a/x.py is not shown"]),
        ({"a/b.py", "a/c/d.py", "h/e.md"}, ["*.md does not exist", "h is not shown"]),
        ({"e.md"}, ["a does not exist", "a/b.py does not exist", "a/c/d.py does not exist"]),
    ],
)
def test_what_is_wrong_is_named(paths: set[str], said: list[str]) -> None:
    (lines,) = trees(PAGE)
    assert differences(lines, paths) == said
