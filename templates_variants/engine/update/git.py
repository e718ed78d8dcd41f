"""Runs git for an update: on the given folder, whatever repository the environment of a hook or a shell names."""

import os
import subprocess
from pathlib import Path

# What git itself sets for a hook, or a shell for one repository: with one of these, git works on another repository
# than that of its folder, or on another index. The list is that of `git rev-parse --local-env-vars`.
LOCAL = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}


def environment() -> dict[str, str]:
    """This process's environment without what names another repository."""
    return {name: value for name, value in os.environ.items() if name not in LOCAL}


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs git without changing the index; does not check the exit code. Raises FileNotFoundError without git."""
    return subprocess.run(
        ["git", "--no-optional-locks", *arguments],
        cwd=folder,
        env={**environment(), "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )


def restore_index(project: Path, template: Path) -> None:
    """Repairs the owner's index where an old `competitor update`, run from a git hook, cloned the template into it.

    In a worktree, git names its index to hooks by GIT_INDEX_FILE. Version 0.2.0 passed that on to `git clone`, which
    wrote the template's files into the owner's index. The index then is exactly the template's tree.
    """
    index = os.environ.get("GIT_INDEX_FILE")
    if not index or not Path(index).is_absolute():
        return
    with_index = {**environment(), "GIT_INDEX_FILE": index, "LC_ALL": "C"}

    def run(*arguments: str) -> bytes:
        done = subprocess.run(["git", *arguments], cwd=project, env=with_index, capture_output=True, check=False)
        return done.stdout.strip()

    # The same lines: mode, object, path.
    theirs = [line.replace(b" blob ", b" ") for line in git(template, "ls-tree", "-r", "HEAD").stdout.splitlines()]
    mine = [line.replace(b" 0\t", b"\t") for line in run("ls-files", "--stage").splitlines()]
    if theirs and mine == theirs:
        run("read-tree", "HEAD")
        print("git's index was that of the template, because of an old `competitor update`; it is yours again.")


def said(done: "subprocess.CompletedProcess[bytes]") -> str:
    """What git says is wrong: the line that begins with `fatal:` or `error:`, else the first one."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    marked = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return next(iter(marked or lines), "no reason given")
