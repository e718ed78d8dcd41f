"""Tests that the workshop's guide works as written: every step, for each backend, without a network."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..bakes import IN_FULL, Bakes
from ..baking.baking import VARIANTS
from ..template_path import TEMPLATE
from .guide import Command, Edit, things_to_do
from .walk import apply

WALK_SECONDS = 1500
# A network namespace with only a loopback interface. With `-r`, this needs no root.
WITHOUT_NETWORK = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")


@pytest.mark.long
@pytest.mark.parametrize("backend", IN_FULL)
def test_following_the_guide_completes_every_step_and_no_step_is_done_before(backend: str, tmp_path: Path) -> None:
    walk = [*WITHOUT_NETWORK, sys.executable, "-m", "tests.workshop.walk", backend, str(tmp_path)]
    done = subprocess.run(walk, cwd=TEMPLATE, capture_output=True, text=True, timeout=WALK_SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "8 of 8 steps done" in done.stdout


@pytest.mark.parametrize("backend", VARIANTS)
def test_each_step_of_the_guide_has_a_check_and_four_have_edits(backend: str) -> None:
    todo = list(things_to_do(backend))
    for step in range(1, 10):
        lines = [thing.line for thing in todo if isinstance(thing, Command) and thing.step == step]
        assert any("competitor workshop" in line for line in lines)
    assert {thing.step for thing in todo if isinstance(thing, Edit)} == {4, 5, 6, 8}


@pytest.mark.parametrize("backend", VARIANTS)
def test_the_edits_of_the_guide_fit_a_new_repo(backend: str, bakes: Bakes, tmp_path: Path) -> None:
    repo = Path(shutil.copytree(bakes(backend), tmp_path / "repo"))
    for thing in things_to_do(backend):
        if isinstance(thing, Edit):
            apply(thing, repo)


def test_the_walk_refuses_a_machine_with_a_network() -> None:
    walk = [sys.executable, "-m", "tests.workshop.walk", "proxy", "nowhere"]
    done = subprocess.run(walk, cwd=TEMPLATE, capture_output=True, text=True, timeout=600, check=False)
    assert "there is a network here" in done.stderr
