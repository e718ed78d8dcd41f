"""Tests updates with faults: afterwards the repo is unchanged, byte for byte, or the update is complete."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..baking.baking import clean_environment
from . import newer, owner
from .updating import plain, recorded_template, update

HERE = Path(__file__).resolve().parent
# The faults happen after these shares of all steps.
SHARES = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0)


MOMENTS = ["sigkill", "ctrl-c", "full disk"]


def moments(*arguments: str) -> int:
    """Runs moments.py, which causes a fault at each step in turn. Returns the number of steps."""
    command = [sys.executable, str(HERE / "moments.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_transaction_with_a_fault_at_any_step_is_all_or_nothing(kind: str, tmp_path: Path) -> None:
    assert moments(kind, str(tmp_path)) > 50


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_roll_back_with_a_fault_at_any_step_is_completed_by_the_next_one(kind: str, tmp_path: Path) -> None:
    """The transaction is killed at its last step, when all files are replaced. The fault happens in the roll-back."""
    assert moments(kind, str(tmp_path), "last") > 10


@pytest.fixture(scope="module")
def steps(worked_in: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Returns the number of the step that writes the journal (`ready`), and of the step that removes it (`done`)."""
    folder = tmp_path_factory.mktemp("counted")
    repo = owner.copy(worked_in, folder / "my-competitor")
    done = update_with_fault(repo, home, "count", FAULT_COUNT=str(folder / "count"))
    assert done.returncode == 0, done.stderr
    marks: dict[str, int] = json.loads((folder / "count").read_text(encoding="utf-8"))
    assert 100 < marks["ready"] < marks["done"]
    return marks


def update_with_fault(
    repo: Path, home: Path, fault: str, *options: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Runs `competitor update --yes` with a fault, in a new process group, so that a fault can send it Ctrl-C."""
    return subprocess.run(
        [sys.executable, "-m", "competitor", "update", "--yes", *recorded_template(repo), *options],
        cwd=repo,
        env={**clean_environment(home), "PYTHONPATH": str(HERE / "faults"), "FAULT": fault, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        start_new_session=True,
        check=False,
    )


ENDS = {
    "full disk": (
        2,
        "Nothing was changed: [Errno 28] No space left on device. Fix the cause, then run the command again.\n",
    ),
    "ctrl-c": (130, "\nStopped; nothing was changed.\n"),
    "sigterm": (130, "\nStopped; nothing was changed.\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("kind", ENDS)
def test_an_update_that_is_stopped_changes_nothing(
    kind: str, share: float, steps: dict[str, int], worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    done = update_with_fault(repo, home, f"{kind}:{1 + int(share * (steps['done'] - 1))}")
    if kind == "full disk" and done.returncode == 0:  # what was left to do needs no space: the update is complete
        assert share > 0.8
        assert newer.CORE_LINE in (repo / "competitor/core/answer/admission.py").read_text(encoding="utf-8")
        return
    assert (done.returncode, done.stderr) == ENDS[kind]
    assert owner.everything(repo) == before


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
def test_an_update_that_is_killed_is_rolled_back_by_the_next_update(
    share: float, steps: dict[str, int], worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    done = update_with_fault(repo, home, f"sigkill:{1 + int(share * (steps['done'] - 1))}")
    assert done.returncode == -signal.SIGKILL or done.returncode == 256 - signal.SIGKILL
    again = update(repo, home, "--dry-run")
    assert again.returncode == 0, again.stderr
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_changes_that_the_owner_made_after_a_kill_are_not_rolled_back(
    steps: dict[str, int], worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    update_with_fault(repo, home, f"sigkill:{steps['done']}")
    owner.add_line(repo / "README.md", "Written days later.")
    owner.add_line(repo / newer.NEW_SHARED, "Written days later.")
    mine = {path: owner.everything(repo)[path] for path in ("README.md", newer.NEW_SHARED)}
    done = update(repo, home)
    assert f"rolled back, except for README.md, {newer.NEW_SHARED}, which changed since then." in done.stdout
    assert "there are uncommitted changes (README.md, SUPPORT.md)" in done.stderr
    assert owner.everything(repo) == {**before, **mine}


@pytest.mark.slow
def test_verify_reports_an_update_that_did_not_finish(
    steps: dict[str, int], worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    update_with_fault(repo, home, f"sigkill:{(steps['ready'] + steps['done']) // 2}")
    command = [sys.executable, "-m", "competitor", "verify"]
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "An update did not finish. The next `python -m competitor update` first undoes it.\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_update_can_be_stopped_while_it_fetches_the_template(
    number: signal.Signals, untouched: Path, home: Path, tmp_path: Path
) -> None:
    """The update fetches from a server that accepts the connection but sends nothing."""
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    before = owner.everything(repo)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/t.git"
        process = subprocess.Popen(
            [sys.executable, "-m", "competitor", "update", "--yes", "--template", address],
            cwd=repo,
            env=clean_environment(home),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        connection, _ = silent.accept()
        os.killpg(process.pid, number)
        _, said = process.communicate(timeout=120)
        connection.close()
    assert "Traceback" not in said
    assert process.returncode in (130, -signal.SIGTERM)
    assert owner.everything(repo) == before


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_killed_cookiecutter_is_rolled_back_by_the_next_update(
    share: float, worked_in: Path, home: Path, tmp_path: Path
) -> None:
    """`_TRAP` makes Cookiecutter wait when it overwrites a file, after the first hook. The test kills it there."""
    template = newer.releases(tmp_path / "template.git", home)
    core = template / "{{cookiecutter.project_slug}}"
    places = sorted(path.name for path in core.iterdir() if path.is_file())
    place = places[int(share * len(places))]
    trap = tmp_path / "trap.py"
    trap.write_text(_TRAP.format(place=place, mark=str(tmp_path / "here")), encoding="utf-8")
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    given = ("--no-input", "--config-file", ".janus/answers.json", "-f", "-o", "..")
    process = subprocess.Popen(
        [sys.executable, trap, str(template), *given],
        cwd=repo,
        env=clean_environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_for(tmp_path / "here")
    process.kill()
    process.wait(120)
    assert owner.everything(repo) != before
    done = update(repo, home, "--template", str(template), "--dry-run")
    assert owner.everything(repo) == before, done.stderr


_TRAP = """
import os, sys, time
from pathlib import Path
from cookiecutter.__main__ import main


def wait(event, arguments):
    if event == "open" and str(arguments[0]).endswith("/my-competitor/{place}") and arguments[1] == "w":
        Path({mark!r}).touch()
        time.sleep(600)


sys.addaudithook(wait)
main()
"""


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 120
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_after_a_failed_hook_the_next_run_of_cookiecutter_keeps_the_owner_s_files(
    worked_in: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    broken = newer.releases(tmp_path / "template.git", home)
    (broken / "hooks" / "post_gen_project.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    assert plain(repo, str(broken), home).returncode != 0
    done = plain(repo, template.as_uri(), home)
    assert done.returncode == 0, done.stderr
    assert owner.lost(repo) == []
    assert not (repo / ".janus/update").exists()
