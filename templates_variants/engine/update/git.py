"""git, as an update calls it: on the folder it is given, whatever repository a hook or a shell may point to."""

import os
import subprocess
from pathlib import Path

# Where these are set, git works elsewhere than in the folder it runs in; inside a git hook they are.
_ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"}


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs it to its end, whatever that is, and leaves the index as it is. FileNotFoundError: there is no git."""
    return subprocess.run(
        ["git", "--no-optional-locks", *arguments],
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if name not in _ELSEWHERE}, "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )


def said(done: "subprocess.CompletedProcess[bytes]") -> str:
    """The first line of what it complains about."""
    return next(iter(done.stderr.decode(errors="replace").strip().splitlines()), "no reason given")
