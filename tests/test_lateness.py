"""Tests that delays caused by a busy machine are measured, and that a test that fails on a busy machine is repeated."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

import competitor.checks.lateness

from .template_path import TEMPLATE, contract_tests

lateness = contract_tests("lateness")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts how long a process waited")


@pytest.fixture
def rival() -> Iterator[None]:
    """Makes this thread share one CPU core with a process that is always busy."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield
    busy.kill()
    busy.wait()
    os.sched_setaffinity(0, before)


def work(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


@pytest.mark.usefixtures("rival")
def test_time_that_a_rival_uses_is_counted_as_waiting() -> None:
    with lateness.Lateness() as late:
        began, worked = time.monotonic(), time.thread_time()
        work(0.5)
        ended, worked = time.monotonic(), time.thread_time() - worked
    waited = ended - began - worked
    assert waited > 0.1
    assert late.between(began, ended) > 0.8 * waited
    assert late.seconds >= late.between(began, ended)


def test_sleeping_is_not_counted_as_waiting() -> None:
    """On a busy machine, the sleep takes longer than 1 s. Only the time above 1 s may be counted as waiting."""
    program = (
        "import sys, time; from tests.template_path import contract_tests as load; late = load('lateness').Lateness();"
        "began = time.monotonic(); time.sleep(1); print(late.seconds - (time.monotonic() - began - 1))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=TEMPLATE)
    assert float(done.stdout) < 0.1


def test_a_pause_of_everything_is_counted() -> None:
    """A stopped process stands for a stopped machine: in both, no process waits for a CPU by the kernel's count."""
    program = (
        "import time; from tests.template_path import contract_tests as load\n"
        "with load('lateness').Lateness() as late:\n"
        "    print('ready', flush=True); time.sleep(3)\n"
        "print(late.seconds)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=TEMPLATE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        process.send_signal(signal.SIGCONT)
        assert float(process.stdout.read()) > 1


@pytest.mark.usefixtures("rival")
def test_a_failure_while_the_machine_is_busy_is_repeated() -> None:
    made: list[str] = []

    def measure() -> str:
        made.append("again")
        if len(made) < 3:
            work(0.5)
            raise AssertionError
        return "on time"

    assert lateness.measured_on_time(measure) == "on time"


def test_a_failure_in_every_repetition_is_raised() -> None:
    made: list[str] = []
    with pytest.raises(AssertionError, match="broken"):
        lateness.measured_on_time(lambda: broken(made))
    assert len(made) <= lateness.REPETITIONS + 1


def test_a_failure_without_waiting_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(competitor.checks.lateness, "_waits", lambda pid: iter(()))
    made: list[str] = []
    with pytest.raises(AssertionError, match="broken"):
        lateness.measured_on_time(lambda: broken(made))
    assert len(made) == 1


def broken(made: list[str]) -> None:
    made.append("again")
    raise AssertionError("broken")
