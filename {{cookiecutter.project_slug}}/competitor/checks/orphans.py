"""Kills what a process has started, at any depth, as soon as that process has ended, even if it was killed.
Contract file: replaced by updates.

It works on Linux; elsewhere nothing happens. Linux has a limit that it has ignored since 2.4.25 (RLIMIT_LOCKS).
Every process passes its limits on to its children: `make`, an empty environment and a new session change nothing.
So a process writes a number of its own into this limit and starts a watcher, which is this file run as a program.
When the process has ended, the watcher kills every process that has the number.

A process further down may do the same with another number. Its watcher still has the first number, so the first
watcher finds it, and reads the other number from its command line.
"""

import os
import signal
import sys
import time
from contextlib import suppress

_LIMIT, _LIMIT_NAME = 10, b"Max file locks"  # RLIMIT_LOCKS, and what /proc calls it
_PROGRAM = b"/competitor/checks/orphans.py"  # a watcher may be of another copy of this file
LOOK_SECONDS = 0.1
# Nothing survives SIGKILL for so long but a process that waits for a broken disk.
GIVE_UP_SECONDS = 20.0

_watchers: list[int] = []


def kill_orphans() -> None:
    """From now on, nothing that this process starts outlives it. A second call does nothing."""
    if sys.platform != "linux" or _watchers:
        return
    import resource

    number = int.from_bytes(os.urandom(7), "big") + 1
    nothing = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]
    # No Popen object: nobody waits for this process, and its end would be reported as a leak.
    watcher = os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(number)],
        os.environ,
        file_actions=nothing,
        setsid=True,  # what is sent to this process's group does not reach it
    )
    _watchers.append(watcher)
    with suppress(OSError, ValueError):  # a sandbox that has no such limit
        resource.setrlimit(_LIMIT, (number, resource.getrlimit(_LIMIT)[1]))


def _watch(parent: int, number: int) -> None:
    """Waits for the end of `parent`, and kills what it has left."""
    os.chdir("/")  # no folder is kept busy
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    numbers, deadline = {number}, time.monotonic() + GIVE_UP_SECONDS
    # A second look, for what was started during the first.
    while (_kill_once(numbers) or _kill_once(numbers)) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS / 10)


def _kill_once(numbers: set[int]) -> bool:
    """Kills all that have one of the numbers, but for other watchers, which end after their work. Whether any had."""
    found = [int(name) for name in os.listdir("/proc") if name.isdigit() and _number(name) in numbers]
    found = [pid for pid in found if not _has_ended(pid)]
    for pid in found:
        theirs = _number_of_watcher(pid)
        if theirs is not None:
            numbers.add(theirs)
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    return bool(found)


def _number(pid: str) -> int | None:
    """What a process has in the limit; None where that is no number, or there is no such process any more."""
    values = _read(f"/proc/{pid}/limits").partition(_LIMIT_NAME)[2].split(maxsplit=1)
    return int(values[0]) if values and values[0].isdigit() else None


def _has_ended(pid: int) -> bool:
    """A process that its parent has not asked for yet is listed on, as a zombie."""
    return _read(f"/proc/{pid}/stat").rpartition(b") ")[2][:1] in (b"", b"Z", b"X")


def _number_of_watcher(pid: int) -> int | None:
    """What another watcher looks for; None for a process that is no watcher."""
    words = _read(f"/proc/{pid}/cmdline").split(b"\0")
    return int(words[-2]) if len(words) > 4 and words[-4].endswith(_PROGRAM) else None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


if __name__ == "__main__":
    _watch(int(sys.argv[1]), int(sys.argv[2]))
