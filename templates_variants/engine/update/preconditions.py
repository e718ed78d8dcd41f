"""Checks whether an update may begin. A failed check raises `Refused`, which says what is wrong and what to do."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from templates_variants.engine.bake import bases
from templates_variants.engine.bake.files import File
from templates_variants.engine.bake.questions import problems
from templates_variants.engine.bake.record import Record, load
from templates_variants.engine.update import transaction
from templates_variants.engine.update.changelog import number
from templates_variants.engine.update.git import git, said

SHOWN_PATHS = 3
ASKED_FOR = "JANUS_UPDATE_TO"  # `competitor update` sets it to "yes" if the owner gave a version with `--to`


class Refused(Exception):
    """The update was not started, or it was rolled back completely; the message says why."""


@contextlib.contextmanager
def alone(project: Path) -> Iterator[None]:
    """Locks the repo for this update. Raises `Refused` if another update has locked it."""
    try:
        with transaction.lock(project):
            yield
    except transaction.Running as running:
        raise Refused(str(running)) from None


def recovered(project: Path, *, besides: int = 0) -> list[str] | None:
    """Does what `transaction.recover` does.

    Raises `Refused` if the unfinished update is still running, or if its journal was not written by an update.
    """
    if git(project, "ls-files", "--", transaction.FOLDER).stdout:
        raise Refused(
            f"{transaction.FOLDER}/ is in git, so it is not from an update on this machine; remove it"
            f" (`git rm -r {transaction.FOLDER}`), commit, then run this again"
        )
    try:
        return transaction.recover(project, besides=besides)
    except transaction.Running as running:
        raise Refused(str(running)) from None
    except transaction.Damaged as damaged:
        raise Refused(
            f"{transaction.FOLDER}/ is not from an update ({damaged}); look at it, delete it, then run this again"
        ) from None


def ours(project: Path) -> Record:
    """Returns the repo's record of how it was made. Raises `Refused` if the record is missing or damaged."""
    try:
        return replace(was := load(project), bases=_unedited(project, was.bases))
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise Refused(
            f"{project} was not made from this template: it has no .janus/{missing} (if it once had that file,"
            " `git checkout .janus` restores it)"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f".janus/ of {project} cannot be read ({error}); restore it with `git checkout .janus`") from None


def _unedited(project: Path, recorded: Mapping[str, File]) -> dict[str, File]:
    """Returns the bases as the last update wrote them.

    In repos of version 0.2.0 they are plain copies, so a search and replace over the whole repo also changes them. The
    copies are therefore read from the commit that last changed `.janus/contract.json`.
    """
    found = dict(recorded)
    if not bases.old_files(project):
        return found
    written = git(project, "log", "-1", "--format=%H", "--", ".janus/contract.json").stdout.decode().strip()
    for path, base in recorded.items() if written else ():
        shown = git(project, "show", f"{written}:./{bases.OLD_FOLDER}/{path}")
        if shown.returncode == 0 and shown.stdout != base.data:
            found[path] = File(shown.stdout, base.executable)
    return found


def committed(project: Path) -> None:
    """Raises `Refused` if git has uncommitted changes in this folder, or if a rebase, merge or the like is in progress.

    Accepts a folder without a git repository.
    """
    if not any(os.path.lexists(folder / ".git") for folder in (project, *project.parents)):
        _git(project, "--version")
        return
    if what := _in_progress(project):
        raise Refused(f"{what} is in progress; finish it or abort it, then run this again")
    listed = _git(project, "status", "--porcelain", "-z", "--untracked-files=all", "--", ".")
    names = [entry[3:] for entry in listed.split("\0") if entry[2:3] == " "]
    if names:
        more = f" and {len(names) - SHOWN_PATHS} more" if len(names) > SHOWN_PATHS else ""
        shown = ", ".join(names[:SHOWN_PATHS])
        raise Refused(
            f"there are uncommitted changes ({shown}{more}); commit them or `git stash -u`, then run this again"
        )


_SIGNS = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
}


def _in_progress(project: Path) -> str | None:
    """Returns the git operation that is in progress, such as "a rebase", or None."""
    for sign, what in _SIGNS.items():
        if (project / _git(project, "rev-parse", "--git-path", sign).strip()).exists():
            return what
    return None


def resolved(project: Path, was: Record) -> None:
    """Raises `Refused` if files still have conflict markers of an earlier update. A second merge would nest them."""
    for path in sorted(was.bases):
        file = project / path
        if file.is_file() and f"\n<<<<<<< yours: {path}\n".encode() in b"\n" + File(file.read_bytes()).text:
            raise Refused(
                f"{path} still has the conflict markers of an earlier update; resolve them between <<<<<<< and"
                " >>>>>>>, commit, then run this again"
            )


def not_older(was: Record, now: str) -> None:
    """Raises `Refused` if the template is older than the repo, unless the owner chose this version with `--to`."""
    if number(now) < number(was.template_version) and os.environ.get(ASKED_FOR) != "yes":
        raise Refused(
            f"this template is version {now}, older than the {was.template_version} of your repo; if you want it, use"
            f" `--to v{now}`"
        )


def answers_hold(recorded: Mapping[str, str], given: Mapping[str, str], template: Path) -> None:
    """Raises `Refused` if an answer is invalid, or if the template no longer offers it and would replace it."""
    asked: dict[str, Any] = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    for name, answer in recorded.items():
        if name.startswith("_") or "{" in answer:
            raise Refused(
                f"{name!r:.80} in .janus/answers.json is not a plain answer; remove it, commit, then run this again"
            )
        choices = asked.get(name)
        if isinstance(choices, list) and answer not in choices and given.get(name, answer) in (answer, choices[0]):
            raise Refused(
                f"the answer {name}={answer} no longer exists; choose one of {', '.join(choices)}; "
                f"write one of them to .janus/answers.json and commit it, then run this again"
            )
    wrong = {name: sentence for name, sentence in problems(given, template).items() if name in given}
    if wrong:
        all_wrong = "; ".join(f"{name} {sentence}" for name, sentence in wrong.items())
        raise Refused(f"{all_wrong}; change it in .janus/answers.json and commit it, then run this again")


def from_the_record(recorded: Mapping[str, str], given: Mapping[str, str], template: Path) -> None:
    """Raises `Refused` if defaults would replace recorded answers, as happens without `--config-file`."""
    if given.get("_recorded") == "yes":
        return
    defaults = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    reset = [name for name, answer in recorded.items() if name in given and given[name] != answer]
    if reset and all(given[name] == _default(defaults.get(name)) or "{{" in str(defaults.get(name)) for name in reset):
        raise Refused(
            f"this would reset {', '.join(reset)} to the template's defaults; to keep your answers, use --no-input"
            " --config-file .janus/answers.json; to change one, use `python -m competitor update --answer NAME=VALUE`"
        )


def _default(asked: object) -> object:
    """Returns the default of a question in `cookiecutter.json`: the first choice, or the text."""
    return asked[0] if isinstance(asked, list) and asked else asked


def of_this_version(answers: Mapping[str, str], template: Path) -> None:
    """Raises `Refused` if `--replay` repeats the internal answers of another version of the template."""
    own = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
    if answers["_template_version"] != own:
        raise Refused(
            f"--replay uses the answers that version {answers['_template_version']} recorded, but this is {own}; "
            "use --no-input --config-file .janus/answers.json instead"
        )


def not_renamed(answers: Mapping[str, str], project: Path, environment: Mapping[str, str]) -> None:
    """Raises `Refused` if the folder was renamed: cookiecutter would make a second repo, with the recorded name."""
    here = Path(environment.get("PWD", project))  # the folder in which the owner ran the command
    if here.resolve() == project.resolve() or here.resolve().parent != project.resolve().parent:
        return
    if not (here / ".janus" / "contract.json").is_file():
        return
    if ours(here).answers.get("project_slug") == answers.get("project_slug"):
        raise Refused(
            f"this folder is named {here.name}, but the repo was made as {project.name}, so cookiecutter would make"
            " a second repo; use `python -m competitor update`, which works with any folder name"
        )


def _git(project: Path, *arguments: str) -> str:
    """Runs git and returns its output. Raises `Refused` if git fails."""
    try:
        done = git(project, *arguments)
    except FileNotFoundError:
        raise Refused("git was not found, and an update needs it to merge; install git, then run this again") from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "surrogateescape")
    raise Refused(f"git cannot read this repository ({said(done)}); {_remedy(project, said(done))}")


def _remedy(project: Path, problem: str) -> str:
    if "dubious ownership" in problem:
        return f"run `git config --global --add safe.directory {project}` if you trust it, then run this again"
    return "repair it (or remove `.git` if you do not need the history), then run this again"
