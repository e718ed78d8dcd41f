"""Checks before an update begins. A failed check says in one sentence what is wrong, and what to do about it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from templates_variants.engine.bake.questions import problems
from templates_variants.engine.bake.record import Record, load
from templates_variants.engine.update import transaction
from templates_variants.engine.update.git import git, said

SHOWN_PATHS = 3


class Refused(Exception):
    """The update did not begin, or was rolled back completely; the message says why."""


def recovered(project: Path, *, besides: int = 0) -> list[str] | None:
    """Rolls back an update that did not finish, see `transaction`. `besides` is a process that may still run."""
    try:
        return transaction.recover(project, besides=besides)
    except transaction.Running as running:
        raise Refused(str(running)) from None


def ours(project: Path) -> Record:
    """The repo's record of how it was made. Raises `Refused` when it is missing or damaged."""
    try:
        return load(project)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise Refused(
            f"{project} was not made from this template: it has no .janus/{missing} (if it once had that file,"
            " `git checkout .janus` restores it)"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f".janus/ of {project} cannot be read ({error}); restore it with `git checkout .janus`") from None


def committed(project: Path) -> None:
    """Refuses when git has uncommitted changes in this folder; passes when there is no git repository."""
    if _git(project, "rev-parse", "--is-inside-work-tree", may_fail="not a git repository") is None:
        return
    listed = _git(project, "status", "--porcelain", "-z", "--untracked-files=all", "--", ".") or ""
    names = [entry[3:] for entry in listed.split("\0") if entry[2:3] == " "]
    if names:
        more = f" and {len(names) - SHOWN_PATHS} more" if len(names) > SHOWN_PATHS else ""
        shown = ", ".join(names[:SHOWN_PATHS])
        raise Refused(
            f"there are uncommitted changes ({shown}{more}); commit them or `git stash -u`, then run this again"
        )


def answers_hold(recorded: Mapping[str, str], given: Mapping[str, str], template: Path) -> None:
    """Refuses answers that are bad, or that the new template no longer offers and would silently replace."""
    asked: dict[str, Any] = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    for name, answer in recorded.items():
        choices = asked.get(name)
        if isinstance(choices, list) and answer not in choices and given.get(name, answer) in (answer, choices[0]):
            raise Refused(
                f"the answer {name}={answer} no longer exists, only {', '.join(choices)}; "
                f"write one of them to .janus/answers.json and commit it, then run this again"
            )
    wrong = {name: sentence for name, sentence in problems(given, template).items() if name in given}
    if wrong:
        all_wrong = "; ".join(f"{name} {sentence}" for name, sentence in wrong.items())
        raise Refused(f"{all_wrong}; change it in .janus/answers.json and commit it, then run this again")


def of_this_version(answers: Mapping[str, str], template: Path) -> None:
    """Refuses `--replay`, which brings the private answers of the version that recorded them."""
    own = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
    if answers["_template_version"] != own:
        raise Refused(
            f"--replay uses the answers that version {answers['_template_version']} recorded, but this is {own}; "
            "use --no-input --config-file .janus/answers.json instead"
        )


def not_renamed(answers: Mapping[str, str], project: Path, environment: Mapping[str, str]) -> None:
    """Refuses a renamed folder: cookiecutter uses the name in the answers and would make a second repo beside it."""
    here = Path(environment.get("PWD", project))  # where the command was typed
    if here.resolve() == project.resolve() or here.resolve().parent != project.resolve().parent:
        return
    if not (here / ".janus" / "contract.json").is_file():
        return
    if ours(here).answers.get("project_slug") == answers.get("project_slug"):
        raise Refused(
            f"this folder is named {here.name}, but its answers say {project.name}, so cookiecutter would make a second"
            " repo; use `python -m competitor update`, which works with any folder name"
        )


def _git(project: Path, *arguments: str, may_fail: str = "") -> str | None:
    """What git prints; None when it fails with the message `may_fail`."""
    try:
        done = git(project, *arguments)
    except FileNotFoundError:
        raise Refused("git was not found, and an update needs it to merge; install it, then run this again") from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "surrogateescape")
    if may_fail and may_fail in done.stderr.decode(errors="replace"):
        return None
    raise Refused(f"git could not list uncommitted changes ({said(done)}); fix this, then run this again")
