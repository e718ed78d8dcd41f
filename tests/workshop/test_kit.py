"""Tests that the workshop kit has the right packages for each system, and has all that is needed offline."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.kit import LOCKS, PYTHONS, SYSTEMS, pins_of

from ..template_path import TEMPLATE
from .test_workshop import WALK_SECONDS, WITHOUT_NETWORK

KIT_SECONDS = 500
LOCK = """\
# made by hand
one==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
two==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:cc
three==3.0 ; python_full_version < '3.12' and platform_python_implementation != 'PyPy' \\
    --hash=sha256:dd
"""


def test_environment_markers_are_evaluated_for_the_target_system() -> None:
    names = {
        (system, python): [pin.partition("==")[0] for pin in pins_of(LOCK, system, python)]
        for system in SYSTEMS
        for python in PYTHONS
    }
    assert names["linux", "3.11"] == ["one", "three"]
    assert names["linux", "3.13"] == ["one"]
    assert names["windows", "3.11"] == ["one", "two", "three"]
    assert next(iter(pins_of(LOCK, "linux", "3.13"))).count("--hash=") == 2


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parts[-3])
def test_every_pin_in_every_lock_is_parsed(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    pinned = [line for line in text.splitlines() if line[:1].isalnum()]
    assert len({pin for system in SYSTEMS for pin in pins_of(text, system, "3.11")}) >= len(pinned) - 5
    for pin in pins_of(text, "linux", "3.11"):
        assert "--hash=sha256:" in pin


@pytest.mark.slow  # it downloads about ninety packages
@pytest.mark.parametrize("backend", ["proxy", "tools"])
def test_with_only_the_kit_and_python_one_can_follow_the_guide_without_a_network(backend: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "tools/kit.py", "--here"], cwd=TEMPLATE, check=True, timeout=KIT_SECONDS)
    walk = [sys.executable, "-m", "tests.workshop.walk", backend, str(tmp_path), f"{TEMPLATE}/build/kit"]
    done = subprocess.run(
        [*WITHOUT_NETWORK, *walk], cwd=TEMPLATE, capture_output=True, text=True, timeout=WALK_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "8 of 8 steps done" in done.stdout
    assert "Installing" in done.stdout
