"""Updates a generated repo. `competitor update` fetches the new template and runs this file in it.

    python templates_variants/update.py --project REPO [--template ADDRESS] [options]

An old repo keeps its old copy of `competitor/cli/update.py`, which nobody can correct. So `cli/update.py` does little:
it fetches the template, then runs this file with `--project`, `--template` and the options that the owner gave. The
options of this file must therefore stay as they are; new ones may be added.
Exit codes: 0 done, 1 done with conflicts, 2 refused and nothing changed, 130 stopped and nothing changed. With
`--outdated` nothing is ever changed: 0 means that the repo is up to date, 1 that it is not.
"""

import argparse
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[1]
sys.path[0] = str(TEMPLATE)
sys.dont_write_bytecode = True

# These imports need the path that was set above.
from templates_variants.engine.bake.record import Record, load  # noqa: E402
from templates_variants.engine.update import apply, preconditions, pull_request, report, transaction  # noqa: E402
from templates_variants.engine.update.git import environment, restore_index  # noqa: E402
from templates_variants.engine.update.plan import Plan, Repo  # noqa: E402
from templates_variants.engine.update.preconditions import Refused  # noqa: E402


def main() -> int:
    given = _arguments()
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return update(given)
    except Refused as refused:
        print(f"Nothing was changed: {refused}.", file=sys.stderr)
        return 2
    except OSError as error:
        half = transaction.is_pending(given.project)
        said = "The roll-back is not complete; the next update completes it first" if half else "Nothing was changed"
        print(f"{said}: {error}. Fix the cause, then run the command again.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; nothing was changed.", file=sys.stderr)
        return 130


def update(given: argparse.Namespace) -> int:
    project: Path = given.project.resolve()
    restore_index(project, TEMPLATE)
    with preconditions.alone(project):
        if given.outdated:
            found = outdated(given, project)
            print(json.dumps(found, indent=2, ensure_ascii=False) if given.json else report.outdated_text(found))
            return 1 if found["outdated"] else 0
        if given.pull_request:
            preconditions.committed(project)
            given.yes = True
            return pull_request.propose(project, outdated(given, project), lambda: _update(given, project))
        return _update(given, project)


def _update(given: argparse.Namespace, project: Path) -> int:
    if (left := preconditions.recovered(project)) is not None:
        print(transaction.rolled_back(left))
    was = preconditions.ours(project)
    preconditions.committed(project)
    preconditions.resolved(project, was)
    preconditions.not_older(was, _version(TEMPLATE))
    answers = _answers(was, given.answer)
    preconditions.answers_hold(was.answers, answers, TEMPLATE)
    with tempfile.TemporaryDirectory(prefix="janus-update-") as scratch:
        made = _bake(answers, Path(scratch))
        repo = Repo(project, made, was, load(made), given.replace_edited)
        plan = apply.planned(repo, TEMPLATE, given.template or was.template, migrate=not given.no_migrate)
        if plan.obstacles:
            raise Refused(report.obstacles(repo, plan.obstacles))
        paths = apply.changed(repo, plan)
        if not paths:
            if plan.left:
                print(report.own_lines(plan))
            print(f"Nothing to do: this repo is up to date with janus-template {repo.now.template_version}.")
            return 0
        print(report.summary(repo, plan, TEMPLATE), flush=True)
        if given.dry_run:
            print("\nA dry run: nothing was changed.")
            return 1 if plan.conflicts else 0
        if not given.yes:
            _ask()
            _refuse_if_changed(repo, plan, given)
        files = apply.final(repo, plan, paths, Path(scratch) / "final")
        apply.carry_out(project, files, os.getpid())
    print(f"\nDone. {report.next_steps(plan)}")
    return 1 if plan.conflicts else 0


def outdated(given: argparse.Namespace, project: Path) -> dict[str, Any]:
    """Finds out how the repo's version differs from the template's, and what an update would do. Changes nothing."""
    if transaction.is_pending(project):
        raise Refused("the last update did not finish; `python -m competitor update` rolls it back first")
    was = preconditions.ours(project)
    with tempfile.TemporaryDirectory(prefix="janus-update-") as scratch:
        answers = _answers(was, given.answer)
        preconditions.answers_hold(was.answers, answers, TEMPLATE)
        made = _bake(answers, Path(scratch))
        repo = Repo(project, made, was, load(made), given.replace_edited)
        plan = apply.planned(repo, TEMPLATE, given.template or was.template, migrate=not given.no_migrate)
        return report.outdated(repo, plan, TEMPLATE, apply.changed(repo, plan))


def _version(template: Path) -> str:
    return str(json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="competitor update", description="Update a repo to this template.")
    parser.add_argument("--project", type=Path, required=True, help="the repo to update")
    parser.add_argument("--template", help="the address of the template to record (default: the address recorded now)")
    parser.add_argument("--dry-run", action="store_true", help="show what the update would change, but change nothing")
    parser.add_argument("--outdated", action="store_true", help="only say which version is newer; change nothing")
    parser.add_argument("--pull-request", action="store_true", help="update on a branch, and open a pull request")
    parser.add_argument("--json", action="store_true", help="with --outdated: print JSON")
    parser.add_argument("--yes", action="store_true", help="do not ask before changing files")
    parser.add_argument("--answer", action="append", default=[], metavar="NAME=VALUE", help="change a recorded answer")
    parser.add_argument(
        "--no-migrate", action="store_true", help="do not edit your own files; list the lines to change"
    )
    parser.add_argument("--replace-edited", action="store_true", help="also replace contract files that you edited")
    return parser.parse_args()


def _answers(was: Record, changes: list[str]) -> dict[str, str]:
    """Returns the recorded answers with the changes from `--answer`. Raises `Refused` if one is not valid."""
    answers = dict(was.answers)
    for change in changes:
        name, found, value = change.partition("=")
        if not found or name not in answers:
            names = ", ".join(answers)
            raise Refused(f"--answer {change} changes nothing; use NAME=VALUE, where NAME is one of {names}")
        answers[name] = value
    return answers


def _bake(answers: dict[str, str], scratch: Path) -> Path:
    """Bakes a fresh repo with these answers in `scratch`; returns its folder."""
    config = scratch / "config.json"
    folders = {"cookiecutters_dir": str(scratch / "cookiecutters"), "replay_dir": str(scratch / "replay")}
    config.write_text(json.dumps({"default_context": answers, **folders}), encoding="utf-8")
    (scratch / "made").mkdir()
    where = ("--config-file", str(config), "--output-dir", str(scratch / "made"))
    done = subprocess.run(
        [_python(scratch), "-m", "cookiecutter", str(TEMPLATE), "--no-input", *where],
        cwd=scratch,
        env={**environment(), "PWD": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    made = list((scratch / "made").iterdir())
    if done.returncode or len(made) != 1:
        said = (done.stderr.strip() or done.stdout.strip() or "without any output").splitlines()[-1]
        raise Refused(
            f"the new template failed ({said}); report it to the maintainers, or choose another version with --to"
        )
    return made[0]


def _python(scratch: Path) -> str:
    """Returns the path of a Python with cookiecutter: this Python, or that of a new environment in `scratch`."""
    if importlib.util.find_spec("cookiecutter") is not None:
        return sys.executable
    print("Fetching cookiecutter for this update ...", file=sys.stderr)
    environment = scratch / "environment"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    lock = TEMPLATE / "templates_variants" / "requirements.txt"
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock))
    for command in ([sys.executable, "-m", "venv", str(environment)], [str(python), *pip]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise Refused(
                f"cookiecutter could not be fetched ({' '.join(said)}); check your network, or install cookiecutter"
                " for this Python, then run this again"
            )
    return str(python)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise Refused("nobody can confirm this: the input is not a terminal; check with --dry-run, then use --yes")
    if input("\nGo on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Refused("you did not answer yes")


def _refuse_if_changed(repo: Repo, plan: Plan, given: argparse.Namespace) -> None:
    """Raises `Refused` if files were changed while the update waited for the answer to "Go on?"."""
    preconditions.committed(repo.project)
    again = apply.planned(repo, TEMPLATE, given.template or repo.was.template, migrate=not given.no_migrate)
    if again != plan:
        raise Refused("files in the repo were changed while the update waited for your answer; run this again")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
