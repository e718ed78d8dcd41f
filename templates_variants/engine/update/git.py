"""Runs git in a given folder. Ignores environment variables that would make git use another repository."""

import os
import subprocess
from pathlib import Path

# With one of these variables, git uses another repository or index than that of its folder. git sets some of them for
# hooks, and a shell may set others. The list is the output of `git rev-parse --local-env-vars`.
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
    """Returns the environment of this process, without the variables that name another repository."""
    return {name: value for name, value in os.environ.items() if name not in LOCAL}


def git(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs git without locking the index; does not check the exit code. Raises FileNotFoundError if git is missing."""
    return subprocess.run(
        ["git", "--no-optional-locks", *arguments],
        cwd=folder,
        env={**environment(), "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )


def restore_index(project: Path, template: Path) -> None:
    """Restores the owner's git index, if an old `competitor update` in a git hook has overwritten it.

    In a worktree, git gives hooks the path of the index in GIT_INDEX_FILE. Version 0.2.0 passed this variable on to
    `git clone`, which wrote the template's files to the owner's index. Such an index is equal to the template's tree.
    """
    index = os.environ.get("GIT_INDEX_FILE")
    if not index or not Path(index).is_absolute():
        return
    with_index = {**environment(), "GIT_INDEX_FILE": index, "LC_ALL": "C"}

    def run(*arguments: str) -> bytes:
        done = subprocess.run(["git", *arguments], cwd=project, env=with_index, capture_output=True, check=False)
        return done.stdout.strip()

    # Both commands list mode, object and path; these replacements give their lines the same form.
    theirs = [line.replace(b" blob ", b" ") for line in git(template, "ls-tree", "-r", "HEAD").stdout.splitlines()]
    mine = [line.replace(b" 0\t", b"\t") for line in run("ls-files", "--stage").splitlines()]
    if theirs and mine == theirs:
        run("read-tree", "HEAD")
        print("An old `competitor update` had overwritten git's index with the template's files; it was restored.")


def said(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Returns git's error: the first line that begins with `fatal:` or `error:`, otherwise the first line."""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    marked = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return next(iter(marked or lines), "no reason given")
