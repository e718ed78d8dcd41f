"""What pytest-xdist's workers share: folders that one of them makes for all, and work that only one does at a time."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def once(request: pytest.FixtureRequest, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` of this run, filled by `make` for whoever asks first. Tests only read it."""
    folder = of_this_run(request) / name
    made = folder.with_name(f"{name}.made")
    with alone(request, name):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a worker left that failed
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@contextmanager
def alone(request: pytest.FixtureRequest, name: str) -> Iterator[None]:
    """No other worker does what has this name meanwhile."""
    with (of_this_run(request) / f"{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def of_this_run(request: pytest.FixtureRequest) -> Path:
    """A folder of all workers together."""
    folder: Path = request.getfixturevalue("tmp_path_factory").getbasetemp()
    return folder.parent if hasattr(request.config, "workerinput") else folder
