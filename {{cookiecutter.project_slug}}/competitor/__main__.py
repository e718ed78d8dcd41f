"""The command line: `python -m competitor COMMAND`. Each command imports only what it needs."""
# Contract file: replaced by updates.

import argparse
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# These commands need competitor/checks, which the image leaves out (see .dockerignore).
NEED_CHECKS = ("ask", "check", "eval", "arena", "submission", "workshop")
# These commands, and `check --here`, need what the template's hooks add to a repo.
NEED_HOOKS = ("run", "test", "test-mine", "lint", "fix", "lock", "verify", "update")
NO_HOOKS = """\
This repo is not complete: the backend and the list of dependencies are missing, because the template's hooks did not
run when it was made. Delete this folder and make it again, with `--accept-hooks yes`:

  cookiecutter gh:org/janus-template --accept-hooks yes"""


def main() -> int:
    parser = _parser()
    arguments, others = parser.parse_known_args()
    if others and sys.argv[1] not in ("test", "test-mine"):
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    complete = (ROOT / "requirements.txt").is_file() or not (ROOT / "Makefile").is_file()
    if not complete and (sys.argv[1] in NEED_HOOKS or "--here" in sys.argv):
        print(NO_HOOKS, file=sys.stderr)
        return 2
    if sys.argv[1] in NEED_CHECKS and not (ROOT / "competitor" / "checks").is_dir():
        print("The image does not contain the checks: run this command in the repo instead.", file=sys.stderr)
        return 2
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads the output, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m competitor", description="A Janus competitor.")
    here = f"http://localhost:{_port()}"
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(run=run)
        return added

    serve = command("serve", _serve, "start the server with settings from the environment, as the container does")
    serve.add_argument("--host", help="address to listen on (default: HOST, else 0.0.0.0)")
    serve.add_argument("--port", type=int, help="port to listen on (default: PORT, else 8080)")
    serve.add_argument("--env-file", type=Path, help="read variables from this file; the environment takes precedence")
    serve.add_argument(
        "--stand-ins",
        action="store_true",
        help="run code on this machine if no sandbox is configured; make up results if no search service is configured",
    )
    serve.add_argument("--console", action="store_true", help="show the console at /debug")
    serve.add_argument(
        "--development",
        action="store_true",
        help="refuse web pages of other sites and foreign host names; say in answers what to correct",
    )
    serve.add_argument("--reload", action="store_true", help="load the backend and its settings again when they change")

    run = command("run", _task, "start the server on this machine; set up .venv if needed, and read .env")
    run.add_argument("--no-reload", action="store_true", help="go on with the old code when a file of yours changes")
    command("test", _task, "run the contract tests and your tests; all arguments go to pytest")
    command("test-mine", _task, "run only your tests, in seconds; all arguments go to pytest")
    command("lint", _task, "check style and types in the whole repo")
    command("fix", _task, "format the whole repo, and correct style where that is safe")
    command("lock", _task, "pin all dependencies with hashes, for all systems and Python versions")

    ask = command("ask", _ask, "ask a running competitor and show the stream as it arrives; without a prompt, converse")
    ask.add_argument("prompt", nargs="?", help="what to ask; without it, a conversation begins, or a pipe is read")
    ask.add_argument("--url", default=here, help="where the competitor runs (default: %(default)s)")
    ask.add_argument("--system", metavar="TEXT", help="send this system prompt first")
    ask.add_argument("--model", metavar="NAME", help="the model to name in the request; any name is accepted")
    ask.add_argument(
        "--file", type=Path, action="append", default=[], metavar="FILE", help="send a file with the prompt"
    )
    ask.add_argument("--image", action="append", default=[], metavar="FILE", help="send an image: a file or a URL")
    ask.add_argument(
        "--tool",
        action="append",
        default=[],
        metavar="JSON",
        help="offer a tool: its definition, or a file that has it",
    )
    ask.add_argument("--whole", action="store_true", help="ask for one object instead of a stream")
    ask.add_argument("--json", action="store_true", help="print what was received as JSON, one chunk a line")
    ask.add_argument("--save", type=Path, metavar="FILE", help="save the answer to this file, as it was received")

    check = command("check", _check, "check any server, yours or not, against every clause of the contract")
    if sys.argv[1:2] == ["check"] and (ROOT / "competitor" / "checks").is_dir():
        from .checks.commands.options import add_options  # it imports all checks

        add_options(check)
    check.add_argument("--here", action="store_true", help="start the competitor of this repo, as `make check` does")

    evaluation = command(
        "eval", _eval, "ask a server tasks of many kinds, and compute its score; or compare two scores"
    )
    if sys.argv[1:2] == ["eval"] and (ROOT / "competitor" / "checks").is_dir():
        from .evaluation.options import add_options as add_options_of_eval

        add_options_of_eval(evaluation)
    evaluation.add_argument(
        "--here", action="store_true", help="start the competitor of this repo, as `make eval` does"
    )

    arena = command("arena", _arena, "run the image behind a simulated gateway, and estimate its scores")
    arena.add_argument("--image", default="competitor", help="the image to run (default: %(default)s)")
    arena.add_argument("--start", metavar="COMMAND", help="start the server with this command instead of the image")

    submission = command("submission", _submission, "show whether the submission is ready, and what a reviewer sees")
    submission.add_argument("--quick", action="store_true", help="check only the form and the files")
    submission.add_argument("--json", action="store_true", help="print the result as JSON")
    submission.add_argument(
        "--form",
        type=Path,
        metavar="FILE",
        default=ROOT / "submission-form.txt",
        help="write the form's text, ready to paste, to this file (default: submission-form.txt)",
    )

    workshop = command("workshop", _workshop, "show which steps of the workshop are done, and what the next one needs")
    workshop.add_argument("--step", type=int, metavar="NUMBER", help="check only this step")
    workshop.add_argument("--url", default=here, help="where your server runs (default: %(default)s)")
    workshop.add_argument("--json", action="store_true", help="print the result as JSON")

    settings = command("settings", _settings, "print all settings as a table")
    settings.add_argument("--env", action="store_true", help="print the settings as the text of .env.example")
    command("verify", _verify, "show changed contract files, stale locks, and the digest of the contract files")
    update = command("update", _update, "update to the newest version of the template; your files are kept")
    update.add_argument("--to", metavar="TAG", help="the version of the template to take (default: its newest release)")
    update.add_argument("--template", help="where to fetch the template from (default: where this repo came from)")
    update.add_argument("--dry-run", action="store_true", help="show what would happen, and exit")
    update.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    update.add_argument("--answer", action="append", default=[], metavar="NAME=VALUE", help="change an answer")
    update.add_argument("--no-migrate", action="store_true", help="do not edit your files; list the lines to change")
    update.add_argument("--replace-edited", action="store_true", help="also replace edited contract files")
    update.add_argument("--pull-request", action="store_true", help="update on a branch, and open a pull request")
    update.add_argument("more", nargs="*", help="options that only the new template knows, after `--`")
    outdated = command("outdated", _outdated, "say whether there is a newer version of the template; change nothing")
    outdated.add_argument("--template", help="where to fetch the template from (default: where this repo came from)")
    outdated.add_argument("--json", action="store_true", help="print JSON")
    command("health", _health, "exit with code 0 if the competitor at HOST and PORT is healthy")
    return parser


def _port() -> str:
    """The port of this repo's server: from the environment, or from .env, which `run` reads too."""
    if port := os.environ.get("PORT"):
        return port
    try:
        found = re.findall(r"^(?:export )?PORT=[\"']?(\d+)", (ROOT / ".env").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = []
    return found[-1] if found else "8080"


def _serve(given: argparse.Namespace) -> int:
    from .cli import serving

    return serving.run(given)


def _task(given: argparse.Namespace) -> int:
    from .cli import tasks

    return tasks.run(sys.argv[1], sys.argv[2:], reload=not getattr(given, "no_reload", False))


def _ask(given: argparse.Namespace) -> int:
    from .cli import tasks

    if (code := tasks.in_venv(sys.argv[1:])) is not None:
        return code
    from .checks.commands.ask import ask

    return ask(given)


def _check(given: argparse.Namespace) -> int:
    if given.here:
        from .cli import tasks

        if (code := tasks.elsewhere(sys.argv[1:])) is not None:
            return code
        given.start = f"{tasks.SERVE} --stand-ins"
    from .checks.commands.check import check

    return check(given)


def _eval(given: argparse.Namespace) -> int:
    from .cli import tasks

    if (code := tasks.elsewhere(sys.argv[1:])) is not None:
        return code
    if given.here:
        given.start = f"{tasks.SERVE} --stand-ins{' --env-file .env' if (ROOT / '.env').exists() else ''}"
    from .evaluation.command import evaluate

    return evaluate(given)


def _arena(given: argparse.Namespace) -> int:
    from .cli import tasks

    if given.start is None and (code := tasks.elsewhere(sys.argv[1:])) is not None:
        return code
    from .checks.commands.arena import arena

    return arena(given, tasks.SERVE)


def _submission(given: argparse.Namespace) -> int:
    from .cli import tasks

    if (code := tasks.elsewhere(sys.argv[1:])) is not None:
        return code
    from .submission.command import submission

    return submission(given, ROOT, f"{tasks.SERVE} --stand-ins")


def _workshop(given: argparse.Namespace) -> int:
    from .cli import tasks

    if (code := tasks.in_venv(sys.argv[1:])) is not None:
        return code
    from .workshop.command import workshop

    return workshop(given, ROOT, f"{tasks.SERVE} --stand-ins")


def _settings(given: argparse.Namespace) -> int:
    from .core.answer.backend import declared_models, declared_settings
    from .core.setting_types import SettingsError
    from .core.settings import env_example, markdown_table

    try:
        own = declared_settings()
        print(env_example(declared_models(), own) if given.env else markdown_table(own), end="")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _update(given: argparse.Namespace) -> int:
    from .cli.update import update

    names = ("--dry-run", "--yes", "--no-migrate", "--replace-edited", "--pull-request")
    flags = [name for name in names if getattr(given, name[2:].replace("-", "_"))]
    answers = [part for answer in given.answer for part in ("--answer", answer)]
    return update(ROOT, given.to, given.template, [*flags, *answers, *given.more])


def _outdated(given: argparse.Namespace) -> int:
    from .cli.update import update

    return update(ROOT, None, given.template, ["--outdated", *(["--json"] if given.json else [])])


def _verify(_: argparse.Namespace) -> int:
    from .cli.locks import stale
    from .cli.verify import changed_files, contract_digest, contract_files, damaged_bases, printable

    if (ROOT / ".janus" / "update" / "journal.json").exists():
        print("An update did not finish. The next `python -m competitor update` first undoes it.")
        return 1
    try:
        unlocked = dict.fromkeys(stale(ROOT), "stale, `make lock` regenerates it")
        changed = {**changed_files(ROOT), **damaged_bases(ROOT), **unlocked}
        digest = contract_digest(contract_files(ROOT))
    except (OSError, ValueError) as error:
        print(f"Cannot verify: {printable(str(error))}. `git checkout .janus` may restore the record.")
        return 2
    for path, what in changed.items():
        print(f"{printable(path)}: {printable(what)}")
    if changed:
        print(f"{len(changed)} files are changed, damaged or stale.")
        return 1
    print("The contract files are those of the template, and the locks match their sources.")
    print(f"Digest of the contract files: sha256:{digest}")
    print("Reviewers do not rely on this output: they run `python -m tools.verify REPO` in a checkout of the template.")
    return 0


def _health(_: argparse.Namespace) -> int:
    host = os.environ.get("HOST", "127.0.0.1")
    host = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # noqa: S104 # nosec B104 - only compared
    url = f"http://{host}:{os.environ.get('PORT') or 8080}/health"
    try:
        with urllib.request.urlopen(url, timeout=3) as response:  # nosec B310 - always http, see above
            return 0 if response.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        print(f"{url}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
