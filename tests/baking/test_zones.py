"""Tests that every file of a generated repo has a zone, and that documents and settings agree with `zones.py`."""

import json
import tomllib
from fnmatch import fnmatch
from pathlib import Path

from templates_variants.engine.bake.overlay import sources
from templates_variants.engine.bake.zones import zone_of

from ..template_path import TEMPLATE, UNBAKED

KUBERNETES = ("deployment", "hpa", "kustomization", "namespace", "networkpolicy", "pdb", "service")
SHARED = {
    *(".dockerignore", ".env.example", ".gitattributes", ".gitignore", "Dockerfile", "Makefile", "README.md"),
    *(".github/dependabot.yml", ".github/workflows/ci.yml", ".github/workflows/update.yml"),
    *("compose.yaml", "pyproject.toml"),
    *(
        "requirements.in",
        "requirements-dev.in",
        "requirements-otel.in",
        "requirements-image.in",
        "requirements-plot.in",
    ),
    *(".github/tools.in", ".github/tools.txt", "SECURITY.md"),
    *(f".github/actionlint/{name}" for name in ("lint.mjs", "package.json", "package-lock.json")),
    *("deploy/grafana.json", "deploy/nginx.conf"),
    *(f"deploy/kubernetes/{name}.yaml" for name in KUBERNETES),
    *(
        "AGENTS.md",
        ".github/ISSUE_TEMPLATE/bug.yml",
        ".github/ISSUE_TEMPLATE/config.yml",
        ".github/ISSUE_TEMPLATE/idea.yml",
    ),
}


def all_files() -> set[str]:
    variants = [folder.parent for folder in TEMPLATE.glob(f"templates_variants/*/{UNBAKED.name}")]
    return {path for folder in (TEMPLATE, *variants) for path in sources(folder)}


def test_each_file_has_the_zone_that_is_said_of_it() -> None:
    found = {zone: {path for path in all_files() if zone_of(path) == zone} for zone in ("shared", "derived", "owner")}
    assert found["shared"] == SHARED
    assert found["derived"] == {"requirements.txt", "requirements-dev.txt"}
    ours = ("competitor/backend/", "tests/test_")
    others = {path for path in found["owner"] if not path.startswith(ours)}
    assert others == {"CHANGELOG.md", "LICENSE", "submission.yaml", "tests/conftest.py"}


HEADER = "Contract file: replaced by updates."


def second_line(text: str, comment: str) -> str:
    """The second line that is not empty, without comment marks."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[1].removeprefix(comment).removesuffix("-->").strip() if len(lines) > 1 else ""


def test_the_second_line_of_a_contract_file_says_so_and_of_no_other() -> None:
    for path in sources(TEMPLATE):
        text = (UNBAKED / path).read_text(encoding="utf-8")
        if path.endswith(".py") and text:
            assert (text.splitlines()[1].removeprefix("# ") == HEADER) == (zone_of(path) == "contract"), path
        elif path.endswith(".md") and path != "CONTRACT.md":
            assert text.startswith("# "), path
            assert (second_line(text, "<!--") == HEADER) == (zone_of(path) == "contract"), path


def test_the_docs_are_contract_files_that_are_not_rendered() -> None:
    pages = [path for path in sources(TEMPLATE) if path.startswith("docs/")]
    assert len(pages) > 3
    assert {zone_of(path) for path in pages} == {"contract"}
    assert zone_of("docs/a-page-of-the-owner.md") == "shared"
    copied = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["_copy_without_render"]
    assert all(any(fnmatch(path, pattern) for pattern in copied) for path in pages)


def test_what_cruft_is_told_to_leave_alone_is_the_owner_s_and_the_locks() -> None:
    text = (UNBAKED / "pyproject.toml").read_text(encoding="utf-8").replace("{{", "[[").replace("}}", "]]")
    skipped = tomllib.loads(text)["tool"]["cruft"]["skip"]
    for path in all_files():
        skips = any(path == name or path.startswith(f"{name}/") or _matches(path, name) for name in skipped)
        assert skips == (zone_of(path) in ("owner", "derived")), path


def _matches(path: str, pattern: str) -> bool:
    """Matches like cruft's glob, in which a star does not match a slash."""
    return path.count("/") == pattern.count("/") and Path(path).match(pattern)
