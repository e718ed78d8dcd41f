"""Whatever comes in the middle of an update, the repo is then what it was, byte for byte, or the update is done."""

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
from ..template_path import TEMPLATE
from . import newer, owner
from .updating import plain, update

HERE = Path(__file__).resolve().parent
# What share of the steps is done when the fault comes.
SHARES = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0)


MOMENTS = ["sigkill", "ctrl-c", "full disk"]


def moments(*arguments: str) -> int:
    """How many steps were struck, one in each run."""
    command = [sys.executable, str(HERE / "moments.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_swap_struck_at_any_of_its_steps_is_all_or_nothing(kind: str, tmp_path: Path) -> None:
    assert moments(kind, str(tmp_path)) > 50


@pytest.mark.parametrize("kind", MOMENTS)
def test_a_roll_back_struck_at_any_of_its_steps_is_ended_by_the_next_one(kind: str, tmp_path: Path) -> None:
    """Of a swap that was killed at its last step, when every file was replaced already."""
    assert moments(kind, str(tmp_path), "last") > 10


@pytest.fixture(scope="module")
def steps(worked_in: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The steps of this repo's update after which the journal is `ready`, and with which all is `done`."""
    folder = tmp_path_factory.mktemp("counted")
    repo = owner.copy(worked_in, folder / "my-competitor")
    done = struck(repo, home, "count", FAULT_COUNT=str(folder / "count"))
    assert done.returncode == 0, done.stderr
    marks: dict[str, int] = json.loads((folder / "count").read_text(encoding="utf-8"))
    assert 100 < marks["ready"] < marks["done"]
    return marks


def struck(repo: Path, home: Path, fault: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`competitor update --yes` in a process group of its own, with a fault."""
    return subprocess.run(
        [sys.executable, "-m", "competitor", "update", "--yes"],
        cwd=repo,
        env={**clean_environment(home), "PYTHONPATH": str(HERE / "faults"), "FAULT": fault, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        start_new_session=True,
        check=False,
    )


ENDS = {
    "full disk": (2, "Nothing was changed: [Errno 28] No space left on device; see to that, then run this again.\n"),
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
    done = struck(repo, home, f"{kind}:{1 + int(share * (steps['done'] - 1))}")
    assert (done.returncode, done.stderr) == ENDS[kind]
    assert owner.everything(repo) == before


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
def test_an_update_that_is_killed_is_taken_back_by_the_next_command(
    share: float, steps: dict[str, int], worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    done = struck(repo, home, f"sigkill:{1 + int(share * (steps['done'] - 1))}")
    assert done.returncode == -signal.SIGKILL or done.returncode == 256 - signal.SIGKILL
    again = update(repo, home, "--dry-run")
    assert again.returncode == 0, again.stderr
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_what_the_owner_did_after_a_kill_is_not_rolled_back(
    steps: dict[str, int], worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    struck(repo, home, f"sigkill:{steps['done']}")
    owner.add_line(repo / "README.md", "Written days after.")
    owner.add_line(repo / newer.NEW_SHARED, "Written days after.")
    mine = {path: owner.everything(repo)[path] for path in ("README.md", newer.NEW_SHARED)}
    done = update(repo, home)
    assert f"as it was before it, but for README.md, {newer.NEW_SHARED}, which somebody has changed" in done.stdout
    assert "not all is committed (README.md, SUPPORT.md)" in done.stderr
    assert owner.everything(repo) == {**before, **mine}


@pytest.mark.slow
def test_verify_names_an_update_that_did_not_end(
    steps: dict[str, int], worked_in: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    struck(repo, home, f"sigkill:{(steps['ready'] + steps['done']) // 2}")
    command = [sys.executable, "-m", "competitor", "verify"]
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "An update did not finish. `python -m competitor update` restores everything first.\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_stopped_while_it_fetches(
    number: signal.Signals, untouched: Path, home: Path, tmp_path: Path
) -> None:
    """From a server that accepts and says nothing."""
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
def test_cookiecutter_killed_half_way_is_taken_back_by_the_next_start(
    share: float, worked_in: Path, home: Path, tmp_path: Path
) -> None:
    """Between its hooks, where it overwrites: this template waits there for its end, in a file of its own."""
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
    done = update(repo, home, "--template", str(TEMPLATE), "--dry-run")
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
def test_after_a_failure_between_the_hooks_the_plain_way_starts_with_what_was(
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
