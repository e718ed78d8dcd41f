"""Puts the tests' temporary files into memory, because some disks take seconds to delete many small files."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
MIN_FREE_BYTES = 6 * 2**30  # a run of all tests needs about 1 GiB
PREFIX = "janus-template-tests-"  # followed by the process id of the run


def use_memory() -> None:
    """Makes this process and those that it starts create temporary files in memory, unless TMPDIR says where.

    The files are deleted when this process ends, or when the next run begins if this one is killed.
    """
    if "TMPDIR" in os.environ or not _has_room():
        return
    for left in SHARED_MEMORY.glob(f"{PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(PREFIX)).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = SHARED_MEMORY / f"{PREFIX}{os.getpid()}"
    folder.mkdir(mode=0o700)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # it is chosen again when it is needed


def _has_room() -> bool:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        free = min(available, shutil.disk_usage(SHARED_MEMORY).free)
    except (OSError, StopIteration):
        return False
    return free >= MIN_FREE_BYTES and os.access(SHARED_MEMORY, os.W_OK)
