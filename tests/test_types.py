"""Tests that the template's own code has correct types, as `make lint` does. A generated repo checks its own types."""

import subprocess
import sys

import pytest

from .template_path import TEMPLATE


@pytest.mark.long
def test_the_template_has_correct_types() -> None:
    (typed,) = [
        line.partition("=")[2].split()
        for line in (TEMPLATE / "Makefile").read_text(encoding="utf-8").splitlines()
        if line.startswith("TYPED =")
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *typed], cwd=TEMPLATE, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
