"""Checks out other commits of this repository, into `build/bench`."""

import json
import shutil
import subprocess
from pathlib import Path

from .environments import BUILD, ROOT, Missing

CHECKOUTS = BUILD / "checkouts"


def checkout(revision: str, repository: Path = ROOT, checkouts: Path = CHECKOUTS) -> Path:
    """Writes the files of a commit to a new folder named by its id. Raises `Missing` if there is no such commit."""
    commit = commit_of(revision, repository)
    goal, archive = checkouts / commit[:12], checkouts / f"{commit[:12]}.tar"
    shutil.rmtree(goal, ignore_errors=True)
    goal.mkdir(parents=True)
    subprocess.run(["git", "archive", "--output", str(archive), commit], cwd=repository, check=True)
    subprocess.run(["tar", "-xf", str(archive), "-C", str(goal)], check=True)
    archive.unlink()
    return goal


def commit_of(revision: str, repository: Path = ROOT) -> str:
    """The id of the commit with this name or abbreviated id. Raises `Missing` if there is none."""
    asked = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    found = subprocess.run(asked, cwd=repository, capture_output=True, text=True, check=False)
    if found.returncode:
        raise Missing(f"{revision!r} is not a commit of this repository: give a tag, a branch or a commit's id.")
    return found.stdout.strip()


def described(repository: Path = ROOT) -> str:
    """The name of this checkout's commit, with `-dirty` if files differ from it."""
    asked = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(asked, cwd=repository, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "this checkout"


def backends(template: Path) -> list[str]:
    """The backends that a checkout of the template offers."""
    answers = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    offered: list[str] = answers["backend"]
    return offered
