"""Tests that start servers in all possible ways and never end. Other tests copy this file into a generated repo."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from competitor.checks.starting import free_port

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 600


def test_make_run() -> None:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PORT": str(free_port())}
    command = ["make", "run", f"PYTHON={sys.executable}"]
    subprocess.run(command, cwd=ROOT, env=environment, start_new_session=True, check=True)


def test_workers() -> None:
    environment = {"PORT": str(free_port()), "JANUS_WORKERS": "2"}
    subprocess.run([sys.executable, "-m", "competitor", "serve"], cwd=ROOT, env=environment, check=True)


def test_check_start() -> None:
    command = [sys.executable, "-m", "competitor", "check", "--start"]
    while True:
        subprocess.run([*command, f"{sys.executable} -m competitor serve"], cwd=ROOT, env={}, check=True)


def test_arena() -> None:
    command = [sys.executable, "-m", "competitor", "arena", "--image", "none"]
    while True:
        subprocess.run(command, cwd=ROOT, start_new_session=True, check=True)


def test_a_run_of_pytest_inside_this_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-n", "1", "-k", "many", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    while True:
        subprocess.run([*command, "tests/test_many.py"], cwd=ROOT, env={"TMPDIR": str(tmp_path)}, check=True)


@pytest.fixture
def background() -> None:
    """Starts a shell that leaves its child behind in another session."""
    subprocess.run(["/bin/sh", "-c", "setsid sleep 600 > /dev/null 2>&1 &"], env={}, check=True)


@pytest.mark.usefixtures("background")
def test_a_child_that_is_left_behind_on_purpose() -> None:
    time.sleep(MINUTES)
