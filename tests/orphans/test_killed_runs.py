"""Tests that a run of pytest that is killed at any moment leaves no process behind: no server, worker or grandchild."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from ..template_path import TEMPLATE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="competitor/checks/orphans.py works only on Linux")

# The processes that must be running when pytest is killed, as parts of their command lines.
MOMENTS = {
    "at once": ("orphans.py",),
    "workers of pytest": ("orphans.py", "import sys;exec(eval(sys.stdin.readline()))"),
    "every kind of start": (
        *("make run", "multiprocessing.spawn", "competitor check", "competitor arena", "stand_in.py", "sleep 600"),
        "-m pytest -n 1 -k many",
    ),
    "a server within a run within a run": ("-m pytest -n 1 -k many", "-m competitor serve --console"),
}
SHORT = [("workers of pytest", "group"), ("competitor check", "process")]
# Real tests of the template: `make run`, which installs packages first, `check --start`, and several workers.
OF_THE_TEMPLATE = (
    "tests/baking/test_baked_repo.py::test_the_commands_of_the_readme_work_in_their_order",
    "tests/baking/test_check.py::test_every_must_and_every_should_hold[proxy]",
    "tests/torture/test_times.py::test_sigterm_ends_streams_and_the_server_with_exit_code_0[several workers]",
)


def cases(moments: Iterable[str]) -> list[object]:
    """Combines each moment with two kills: of the process, and of its whole group. Most cases are slow tests."""
    both = [(moment, how) for moment in moments for how in ("process", "group")]
    return [pytest.param(*case, marks=() if case in SHORT else pytest.mark.slow) for case in both]


def left_of(how: str, moment: Sequence[str], folder: Path, *command: str) -> list[str]:
    """Starts `python -m COMMAND...`, and kills it as soon as the processes that `moment` lists are running.

    Returns the command lines of the processes that still run afterwards.
    """
    adopter = [sys.executable, "-m", "tests.orphans.adopter", how, str(folder), "\n".join(moment)]
    done = subprocess.run(
        [*adopter, sys.executable, "-m", *command],
        cwd=TEMPLATE,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ran, left = json.loads(done.stdout)
    assert len(ran) > len(moment)
    return list(left)


@pytest.fixture(scope="module")
def project(baked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated repo whose own tests start servers in all possible ways."""
    made = shutil.copytree(baked, tmp_path_factory.mktemp("killed") / "my-competitor")
    shutil.copy(Path(__file__).with_name("starts_of_all_kinds.py"), made / "tests" / "test_starts.py")
    shutil.copy(Path(__file__).with_name("server_in_a_run.py"), made / "tests" / "test_many.py")
    return made


@pytest.mark.parametrize(("moment", "how"), cases(MOMENTS))
def test_no_process_is_left_of_a_generated_repo_s_tests(moment: str, how: str, project: Path) -> None:
    run = ("pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", "-n", "6", "tests/test_starts.py")
    assert left_of(how, MOMENTS[moment], project, *run) == []


@pytest.mark.parametrize(("moment", "how"), cases(["make run", "competitor check", "multiprocessing.spawn"]))
def test_no_process_is_left_of_the_template_s_tests(moment: str, how: str) -> None:
    run = ("pytest", "-p", "no:cacheprovider", "-n", "3", "-m", "slow or not slow")
    assert left_of(how, [moment], TEMPLATE, *run, *OF_THE_TEMPLATE) == []


@pytest.mark.parametrize("command", ["check", "arena"])
def test_servers_that_a_check_started_end_with_it(command: str, project: Path) -> None:
    """The server has two workers, and the check starts it through a shell."""
    shell = f"env JANUS_WORKERS=2 sh -c '{sys.executable} -m competitor serve & wait'"
    moment = ["sh -c", "multiprocessing.spawn"]
    assert left_of("process", moment, project, "competitor", command, "--start", shell) == []
