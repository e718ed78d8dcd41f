"""Tests that an update of an unsuitable repo is refused with one sentence, and changes no byte of the repo."""

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..baking.baking import clean_environment, git
from . import newer, owner
from .updating import plain, recorded_template, update

CORE = "competitor/core/answer/admission.py"


def uncommitted(repo: Path) -> None:
    owner.add_line(repo / "README.md", "Not committed.")


def staged(repo: Path) -> None:
    uncommitted(repo)
    subprocess.run(["git", "add", "README.md"], cwd=repo, check=True)


def untracked(repo: Path) -> None:
    (repo / "new.txt").write_text("new", encoding="utf-8")


def no_record(repo: Path) -> None:
    shutil.rmtree(repo / ".janus")


def damaged_record(repo: Path) -> None:
    (repo / ".janus/contract.json").write_text("{", encoding="utf-8")


def damaged_answers(repo: Path) -> None:
    (repo / ".janus/answers.json").write_text("[]", encoding="utf-8")


def lost_answer(repo: Path) -> None:
    answers = repo / ".janus/answers.json"
    answers.write_text(answers.read_text(encoding="utf-8").replace('"proxy"', '"sails"'), encoding="utf-8")


def bad_answer(repo: Path) -> None:
    answers = repo / ".janus/answers.json"
    answers.write_text(answers.read_text(encoding="utf-8").replace('"Your Name"', '"<b>"'), encoding="utf-8")


def edited_contract(repo: Path) -> None:
    owner.add_line(repo / CORE, "MINE = 1")


def own_file_of_that_name(repo: Path) -> None:
    (repo / newer.NEW).write_text("MINE = 2\n", encoding="utf-8")


def link_in_the_way(repo: Path) -> None:
    (repo / CORE).rename(repo / "elsewhere.py")
    (repo / CORE).symlink_to("../../elsewhere.py")


def folder_in_the_way(repo: Path) -> None:
    (repo / newer.NEW).mkdir()
    (repo / newer.NEW / "mine").write_text("mine", encoding="utf-8")


# Each entry: a change of the repo, whether it is committed, and a part of the expected message.
# `make test` runs a few of them; `make test-update` runs all of them for both ways to update.
REPOS: list[tuple[Callable[[Path], None], bool, str]] = [
    (uncommitted, False, "uncommitted changes (README.md); commit them or `git stash -u`, then run this again"),
    (staged, False, "there are uncommitted changes (README.md)"),
    (untracked, False, "there are uncommitted changes (new.txt)"),
    (no_record, True, "has no .janus/answers.json (if it once had that file, `git checkout .janus` restores it)"),
    (damaged_record, True, "cannot be read"),
    (damaged_answers, True, "restore it with `git checkout .janus`"),
    (lost_answer, True, "the answer backend=sails no longer exists; choose one of proxy"),
    (bad_answer, True, "must not contain < >"),
    (edited_contract, True, "    +MINE = 1"),
    (own_file_of_that_name, True, f"{newer.NEW} is your file, but the contract now has a file with this name"),
    (link_in_the_way, True, f"{CORE} is a link"),
    (folder_in_the_way, True, f"{newer.NEW} is a folder, where the template has a file"),
]


QUICK = {("competitor update", edited_contract), ("cookiecutter -f", uncommitted), ("cookiecutter -f", lost_answer)}
CASES = [
    pytest.param(way, *repo, id=f"{way}-{repo[0].__name__}", marks=[] if (way, repo[0]) in QUICK else pytest.mark.slow)
    for way in ("competitor update", "cookiecutter -f")
    for repo in REPOS
]


@pytest.mark.parametrize(("way", "deed", "committed", "sentence"), CASES)
def test_a_repo_that_cannot_be_updated_is_refused_unchanged(
    way: str,
    deed: Callable[[Path], None],
    committed: bool,
    sentence: str,
    untouched: Path,
    template: Path,
    home: Path,
    tmp_path: Path,
) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    deed(repo)
    if committed:
        owner.commit(repo, home)
    before = owner.everything(tmp_path)
    done = (
        update(repo, home, "--template", template.as_uri())
        if way == "competitor update"
        else _plain_with_answers(repo, template, home)
    )
    assert done.returncode != 0
    assert "Nothing was " in done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert owner.everything(tmp_path) == before


def _plain_with_answers(repo: Path, template: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Runs `cookiecutter -f` with the repo's answers, or without answers if the repo has lost them."""
    answers = repo / ".janus/answers.json"
    if not answers.exists() or answers.read_text(encoding="utf-8") == "[]":
        answers = home / "answers.json"
        answers.write_text('{"default_context": {}}', encoding="utf-8")
    return plain(repo, template.as_uri(), home, config=answers)


ADDRESSES = {
    "nowhere": ("file:///nowhere/template.git", (), "file:///nowhere/template.git could not be fetched"),
    "a closed port": ("http://127.0.0.1:9/t.git", (), "check your network, or name a copy"),
    "an unknown version": ("", ("--to", "v9.9.9"), "there is no version v9.9.9"),
    "a repository without a template": ("{home}/other.git", (), "cannot update repos"),
    "an unknown answer": ("", ("--answer", "colour=red"), "--answer colour=red changes nothing"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ADDRESSES)
def test_a_template_that_cannot_be_fetched_or_used_is_refused(
    case: str, untouched: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    address, options, sentence = ADDRESSES[case]
    other = home / "other.git"
    if not other.exists():
        other.mkdir()
        (other / "README").write_text("no template\n", encoding="utf-8")
        owner.commit(other, home)
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    before = owner.everything(repo)
    named = address.format(home=home) or template.as_uri()
    done = update(repo, home, "--template", named, *options)
    assert done.returncode == 2
    assert done.stderr.startswith("Nothing was changed: ")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert owner.everything(repo) == before


def test_without_git_an_update_is_refused(untouched: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    done = update(repo, home, PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == "Nothing was changed: git was not found; install it, then run this again.\n"


@pytest.mark.slow
def test_without_a_terminal_an_update_needs_the_option_yes(untouched: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    before = owner.everything(repo)
    done = subprocess.run(
        [sys.executable, "-m", "competitor", "update", *recorded_template(repo)],
        cwd=repo,
        env=clean_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith("the input is not a terminal; check with --dry-run, then use --yes.\n")
    assert owner.everything(repo) == before


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [("n", 2, "you did not answer yes"), ("\x03", 130, "Stopped; nothing was changed."), ("y", 0, "Next steps:")],
    ids=["no", "ctrl-c", "yes"],
)
@pytest.mark.slow
def test_an_update_asks_before_it_changes_files(
    typed: str, code: int, said: str, untouched: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    before = owner.everything(repo)
    ended, shown = _at_a_terminal(repo, home, lambda: typed)
    assert ended == code
    assert said in shown
    assert (owner.everything(repo) == before) == (code != 0)


@pytest.mark.slow
def test_changes_made_while_it_asks_are_not_overwritten(untouched: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")

    def change_then_answer() -> str:
        owner.add_line(repo / "README.md", "Written while it asked.")
        return "y"

    code, said = _at_a_terminal(repo, home, change_then_answer)
    assert code == 2
    assert "there are uncommitted changes (README.md)" in said
    assert "Written while it asked." in (repo / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_template_that_fails_changes_nothing(untouched: Path, home: Path, tmp_path: Path) -> None:
    """The template fails in the first hook, in the Jinja code of a file, or in the last hook.

    After a failed `cookiecutter -f`, the next update restores the repo.
    """
    template = newer.releases(tmp_path / "template.git", home)
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    before = owner.everything(repo)
    for path, text in {
        "hooks/pre_gen_project.py": "raise OSError('the hook is broken')\n",
        "{{cookiecutter.project_slug}}/zz.txt": "{{ 1 / 0 }}\n",
        "hooks/post_gen_project.py": "raise OSError('the hook is broken')\n",
    }.items():
        file = template / path
        kept = file.read_text(encoding="utf-8") if file.exists() else None
        file.write_text(text, encoding="utf-8")
        git("add", "-A", cwd=template, home=home)
        git("commit", "-qm", "broken", cwd=template, home=home)
        git("tag", "-f", f"v{newer.next_version()}", cwd=template, home=home)
        done = update(repo, home, "--template", template.as_uri())
        assert done.returncode == 2, path
        assert "Nothing was changed: the new template failed (" in done.stderr
        assert owner.everything(repo) == before, path
        done = plain(repo, template.as_uri(), home)
        assert done.returncode != 0
        if path.endswith("zz.txt"):  # our hook finds this error before any file is changed
            assert "Nothing was changed: the new template failed (" in done.stderr
            assert owner.everything(repo) == before
        _undo(template, home, file, kept)
    done = update(repo, home, "--template", template.as_uri(), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert owner.everything(repo) == before


def _undo(template: Path, home: Path, file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.write_text(text, encoding="utf-8")
    git("add", "-A", cwd=template, home=home)
    git("commit", "-qm", "repaired", cwd=template, home=home)
    git("tag", "-f", f"v{newer.next_version()}", cwd=template, home=home)


def _at_a_terminal(repo: Path, home: Path, answer: Callable[[], str]) -> tuple[int, str]:
    """Runs the update in a new terminal, and types `answer` when it asks. Returns the exit code and the output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "competitor", "update", *recorded_template(repo)],
        cwd=repo,
        env=clean_environment(home),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=_take_the_terminal,
    )
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 65536)
    os.write(ours, answer().encode() + b"\n")
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # the process has ended
            break
        said += more
    os.close(ours)
    return process.wait(120), said.decode()


def _take_the_terminal() -> None:
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
