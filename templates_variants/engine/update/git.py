"""Runs git for an update: on the given folder, whatever repository the environment of a hook or a shell names."""

import os
import subprocess
from pathlib import Path

# When these are set, as inside a git hook, git works on another repository than that of its folder.
_ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"}


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs git without changing the index; does not check the exit code. Raises FileNotFoundError without git."""
    return subprocess.run(
        ["git", "--no-optional-locks", *arguments],
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if name not in _ELSEWHERE}, "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )


def said(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The first line of git's error message."""
    return next(iter(done.stderr.decode(errors="replace").strip().splitlines()), "no reason given")
