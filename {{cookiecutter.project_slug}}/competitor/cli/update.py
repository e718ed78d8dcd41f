"""`competitor update`: fetches the template and runs the update code in it.
Contract file: replaced by updates.

The newest template must decide what an update does, but this file belongs to the old version. So this file only fetches
a copy of the template and runs `templates_variants/update.py` in it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

HOME = "gh:org/janus-template"
HOSTS = {"gh": "https://github.com/{}.git", "gl": "https://gitlab.com/{}.git", "bb": "https://bitbucket.org/{}"}
ENTRY = "templates_variants/update.py"
REFUSED = 2

# git sets these for hooks; with them, it uses another repository or index (see `git rev-parse --local-env-vars`).
ELSEWHERE = {
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"),
    *("GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX"),
    *("GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE"),
    "GIT_WORK_TREE",
}

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
# What a repo may record. git runs commands for some other addresses, such as `ext::sh -c ...`.
_RECORDED = re.compile(r"(?:(?:gh|gl|bb):|(?:https?|ssh|file)://|git@[\w.-]+:)[\w./~@:+%-]+", re.ASCII)
_RELEASE = re.compile(r"v\d+\.\d+\.\d+")


class Unfetched(Exception):
    """The template could not be fetched; the message says why."""


def update(root: Path, to: str | None, template: str | None, options: Sequence[str]) -> int:
    """Updates the repo at `root` to version `to` of its template, by default the newest release.

    Returns the exit code: 0 done, 1 done with conflicts, 2 refused, 130 stopped; 2 and 130 mean that nothing changed.
    """
    try:
        address = template or recorded(root)
        if not template and not is_home(address):
            _ask_for(address, asks="--yes" not in options and "--pull-request" not in options)
        with tempfile.TemporaryDirectory(prefix="janus-template-") as scratch:
            folder = fetch(address, to, Path(scratch), sys.stderr if "--json" in options else sys.stdout)
            if not to:
                refuse_older(root, folder)
            named = ["--template", address] if is_address(address) else []
            return _hand_over([str(folder / ENTRY), "--project", str(root), *named, *options], root, asked_for=bool(to))
    except Unfetched as error:
        sys.stderr.write(f"Nothing was changed: {error}.\n")
        return REFUSED
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; nothing was changed.\n")
        return 130


def recorded(root: Path) -> str:
    """Returns the recorded address of the template that made the repo; `HOME` if none is recorded.

    Raises `Unfetched` if the record has something else. Anybody may have written it, for example in a pull request.
    """
    try:
        address = json.loads((root / ".janus" / "template.json").read_text(encoding="utf-8"))["template"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return HOME
    if not isinstance(address, str) or not _RECORDED.fullmatch(address):
        raise Unfetched(f".janus/template.json has no address that may be fetched, but {ascii(address)[:80]}")
    return address


def is_home(address: str) -> bool:
    """Whether this is the template's own home, in any of its forms."""
    return _source(address).removesuffix(".git").rstrip("/") == _source(HOME).removesuffix(".git")


def _ask_for(address: str, *, asks: bool) -> None:
    """Asks whether to use the recorded template, whose code runs in an update. Raises `Unfetched` if not."""
    said = f"this repo records the template {address}, not {HOME}, and an update runs the template's code"
    if not asks or not sys.stdin.isatty():
        raise Unfetched(f"{said}; if you trust it, add `--template {address}`")
    sys.stderr.write(f"{said[0].upper()}{said[1:]}.\n")
    if input("Use it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Unfetched("you did not answer yes")


def refuse_older(root: Path, template: Path) -> None:
    """Raises `Unfetched` if the template is older than the version that the repo has now."""
    try:
        mine = json.loads((root / ".janus" / "contract.json").read_text(encoding="utf-8"))["template_version"]
        theirs = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
        older = _number(theirs) < _number(mine)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # the update code in the template reports this error
    if older:
        raise Unfetched(f"the newest version, {theirs}, is older than yours, {mine}; --to v{theirs} selects it")


def is_address(template: str) -> bool:
    """Whether `template` is a URL or an abbreviation such as `gh:org/name`, and not the path of a local folder."""
    return not Path(template).exists() and ":" in template


def fetch(template: str, to: str | None, scratch: Path, progress: TextIO) -> Path:
    """Clones the template into `scratch`, at version `to`. Without `to`, takes the newest release or commit.

    Returns the folder of the template. Raises `Unfetched` if it cannot be fetched.
    """
    source = _source(template)
    goal = scratch / "template"
    shown = _CREDENTIALS.sub("", source)
    print(f"Fetching {shown} ...", file=progress, flush=True)
    _git("clone", "--quiet", "--", source, str(goal), failing=f"{shown} could not be fetched", hint=NETWORK)
    releases = [tag for tag in _git("tag", cwd=goal).split() if _RELEASE.fullmatch(tag)]
    newest = max(releases, key=_number, default=None)
    if version := to or newest:
        known = f"its releases are {', '.join(releases)}" if releases else "it has no releases"
        _git("checkout", "--quiet", version, "--", cwd=goal, failing=f"there is no version {version}", hint=known)
    found = sorted(entry.parents[1] for entry in goal.glob(f"**/{ENTRY}"))
    if not found:
        at = version or "its newest commit"
        raise Unfetched(f"{source} at {at} cannot update repos; choose another version with --to")
    return found[0]


def _number(version: str) -> list[int]:
    return [int(part) for part in version.removeprefix("v").split(".")]


NETWORK = "check your network, or name a copy on this machine with --template"


def _source(template: str) -> str:
    """Returns an address that git can clone: an absolute path, or a URL. Replaces an abbreviation by its URL."""
    if Path(template).exists():
        return str(Path(template).resolve())
    host, _, name = template.partition(":")
    return HOSTS[host].format(name) if host in HOSTS else template


def _hand_over(command: list[str], root: Path, *, asked_for: bool) -> int:
    """Runs the command and returns its exit code. On Ctrl-C, waits while the command restores the repo.

    An environment variable says whether the owner chose the version, because older templates have no option for it.
    """
    environment = {**os.environ, "JANUS_UPDATE_TO": "yes" if asked_for else "no"}
    process = subprocess.Popen([sys.executable, *command], cwd=root, env=environment)  # noqa: S603 - our own command
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def _git(*arguments: str, cwd: Path | None = None, failing: str = "git failed", hint: str = "") -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "-c", "core.hooksPath=/dev/null", *arguments]
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    except FileNotFoundError:
        raise Unfetched("git was not found; install it, then run this again") from None
    if done.returncode:
        said = _CREDENTIALS.sub("", _reason(done.stderr))
        if "dubious ownership" in said:
            hint = "if you trust it, run `git config --global --add safe.directory FOLDER`, then run this again"
        raise Unfetched(f"{failing} ({said}); {hint}" if hint else f"{failing} ({said})")
    return done.stdout


def _reason(stderr: str) -> str:
    """Returns the line of git's output that names the error: the first `fatal:` or `error:` line, or else the last."""
    lines = stderr.strip().splitlines()
    marked = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return next(iter(marked or lines[-1:]), "no reason given")
