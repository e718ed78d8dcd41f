"""Makes folders that one worker of pytest-xdist fills and all workers use, and provides locks between workers."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def once(request: pytest.FixtureRequest, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name` of this run. The first worker that needs it calls `make` to fill it. Tests only read it."""
    folder = of_this_run(request) / name
    made = folder.with_name(f"{name}.made")
    with exclusively(request, name):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # left by a worker that failed
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@contextmanager
def exclusively(request: pytest.FixtureRequest, name: str) -> Iterator[None]:
    """Holds a lock with this name, so that only one worker at a time runs the block."""
    with (of_this_run(request) / f"{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def of_this_run(request: pytest.FixtureRequest) -> Path:
    """The folder that all workers of this run share."""
    folder: Path = request.getfixturevalue("tmp_path_factory").getbasetemp()
    return folder.parent if hasattr(request.config, "workerinput") else folder
