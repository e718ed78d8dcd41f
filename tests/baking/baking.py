"""Makes repos as people do, with the command lines of cookiecutter and cruft, in a clean environment."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ..template_path import TEMPLATE

SLUG = "my-competitor"
BAKE_SECONDS = 600
VARIANTS = {
    folder.parent.name: folder.parent
    for folder in sorted(TEMPLATE.glob("templates_variants/*/{{cookiecutter.project_slug}}"))
}
DEFAULT = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["backend"][0]

# The environment of `competitor lint` in a generated repo: all repos share the template's cache of mypy.
LINT = {**os.environ, "MYPY_CACHE_DIR": str(TEMPLATE / ".mypy_cache")}


def clean_environment(home: Path) -> dict[str, str]:
    """An environment without the developer's configuration, and with a git identity for commits."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "TMPDIR", "LANG")}
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a"}
    ours = {"HOME": str(home), "COOKIECUTTER_CONFIG": str(home / "config.yaml"), "GIT_CONFIG_NOSYSTEM": "1"}
    (home / "config.yaml").write_text(
        f"cookiecutters_dir: {(home / 'cookiecutters').as_posix()}\nreplay_dir: {(home / 'replay').as_posix()}\n"
        f"abbreviations:\n  here: {home.as_uri()}/{{0}}.git\n",
        encoding="utf-8",
    )
    return {**kept, **who, **ours, "GIT_COMMITTER_EMAIL": "a@example.com", "PYTHONDONTWRITEBYTECODE": "1"}


def run(
    *command: str, cwd: Path, home: Path, check: bool = True, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m COMMAND...` in a clean environment."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env={**clean_environment(home), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=BAKE_SECONDS,
        check=check,
    )


def bake(output: Path, home: Path, answers: Mapping[str, str] | None = None, template: Path = TEMPLATE) -> Path:
    """Bakes a repo in `output`. Returns its folder."""
    given = [f"{name}={value}" for name, value in (answers or {}).items()]
    run("cookiecutter", str(template), "--no-input", "-o", str(output), *given, cwd=output, home=home)
    (made,) = output.iterdir()
    return made


def git(*arguments: str, cwd: Path, home: Path) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=clean_environment(home),
        capture_output=True,
        text=True,
        timeout=BAKE_SECONDS,
        check=True,
    )
    return done.stdout.strip()


def template_files() -> list[str]:
    """The paths of the template's files: tracked ones, and new ones that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TEMPLATE,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(path for path in listed.stdout.split("\0") if path and (TEMPLATE / path).is_file())


def copy_template(goal: Path) -> None:
    for path in template_files():
        (goal / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TEMPLATE / path, goal / path)


def contents(project: Path) -> dict[str, str]:
    """Maps the path of every file to its hash, to compare two generated repos."""
    return {
        path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(project.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
