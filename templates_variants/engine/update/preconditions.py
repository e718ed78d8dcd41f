"""Reasons not to begin an update. Each is one sentence: what is wrong, and what to do about it."""

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
    """The update does not begin, or was taken back whole; the sentence says why."""


def recovered(project: Path, *, besides: int = 0) -> list[str] | None:
    """Takes back an update that did not end, see `journal`. `besides` is a process that may still run."""
    try:
        return transaction.recover(project, besides=besides)
    except transaction.Running as running:
        raise Refused(str(running)) from None


def ours(project: Path) -> Record:
    """What the repo knows of its making."""
    try:
        return load(project)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise Refused(
            f"{project} is no repo of this template: it has no .janus/{missing} (if it had one, `git checkout .janus`"
            " brings it back)"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(
            f".janus/ of {project} cannot be read ({error}); bring it back with `git checkout .janus`"
        ) from None


def committed(project: Path) -> None:
    """All that git does not ignore here is committed, or there is no git repository at all."""
    if _git(project, "rev-parse", "--is-inside-work-tree", may_fail="not a git repository") is None:
        return
    listed = _git(project, "status", "--porcelain", "-z", "--untracked-files=all", "--", ".") or ""
    names = [entry[3:] for entry in listed.split("\0") if entry[2:3] == " "]
    if names:
        more = f" and {len(names) - SHOWN_PATHS} more" if len(names) > SHOWN_PATHS else ""
        shown = ", ".join(names[:SHOWN_PATHS])
        raise Refused(f"not all is committed ({shown}{more}); commit it, or `git stash -u`, then run this again")


def answers_hold(recorded: Mapping[str, str], given: Mapping[str, str], template: Path) -> None:
    """No recorded answer is gone from the new template's choices, where it would silently become the first one."""
    asked: dict[str, Any] = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    for name, answer in recorded.items():
        choices = asked.get(name)
        if isinstance(choices, list) and answer not in choices and given.get(name, answer) in (answer, choices[0]):
            raise Refused(
                f"the answer {name}={answer} no longer exists, only {', '.join(choices)}; "
                f"put one of them into .janus/answers.json and commit it, then run this again"
            )
    wrong = {name: sentence for name, sentence in problems(given, template).items() if name in given}
    if wrong:
        all_wrong = "; ".join(f"{name} {sentence}" for name, sentence in wrong.items())
        raise Refused(f"{all_wrong}; change it in .janus/answers.json and commit it, then run this again")


def of_this_version(answers: Mapping[str, str], template: Path) -> None:
    """The private answers are the template's own; `--replay` brings those of the version that it recorded."""
    own = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
    if answers["_template_version"] != own:
        raise Refused(
            f"--replay brings what version {answers['_template_version']} recorded, and this is {own}; "
            "use --no-input --config-file .janus/answers.json instead"
        )


def not_renamed(answers: Mapping[str, str], project: Path, environment: Mapping[str, str]) -> None:
    """cookiecutter goes by the name in the answers; in a folder of another name it would make a second repo beside."""
    here = Path(environment.get("PWD", project))  # where the command was typed
    if here.resolve() == project.resolve() or here.resolve().parent != project.resolve().parent:
        return
    if not (here / ".janus" / "contract.json").is_file():
        return
    if ours(here).answers.get("project_slug") == answers.get("project_slug"):
        raise Refused(
            f"this folder is {here.name}, and its answers say {project.name}, so cookiecutter would make another one;"
            " `python -m competitor update` works whatever the folder is called"
        )


def _git(project: Path, *arguments: str, may_fail: str = "") -> str | None:
    """What git prints; None where it fails with the sentence that may be."""
    try:
        done = git(project, *arguments)
    except FileNotFoundError:
        raise Refused("git was not found; an update needs it to merge: install it, then run this again") from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "surrogateescape")
    if may_fail and may_fail in done.stderr.decode(errors="replace"):
        return None
    raise Refused(f"git cannot say whether all is committed ({said(done)}); see to that, then run this again")
