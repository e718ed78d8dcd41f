"""Counts the work of a generated repo's server, which runs in its own process."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import environments

from .records import DIGITS, Figures

ROOT = environments.ROOT
SECONDS = 180.0


def bakes(folder: Path) -> dict[str, Path]:
    """Makes the repos to measure: one with the core's relay, one whose backend handles every event itself."""
    events = environments.bake_with("any_events", bakes=folder)
    return {"relay": events.with_name("measured"), "events": events}


def counted(repo: Path) -> dict[str, dict[str, float]]:
    """The figures of a repo, by mode and name of the figure."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONHASHSEED") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "tests.counted.process", str(repo)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the server's work could not be counted:\n{done.stderr[-4000:]}")
    found: dict[str, dict[str, float]] = json.loads(done.stdout)
    return {mode: {name: round(value, DIGITS) for name, value in of.items()} for mode, of in found.items()}


def all_counted(folder: Path) -> Figures:
    return {backend: counted(repo) for backend, repo in bakes(folder).items()}
