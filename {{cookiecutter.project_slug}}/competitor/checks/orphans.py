"""Kills all descendants of a process as soon as the process has ended, even if it was killed.
Contract file: replaced by updates.

It works only on Linux and does nothing on other systems. It uses a resource limit that Linux has ignored since 2.4.25
(RLIMIT_LOCKS). Children inherit the limits of their parent, even through `make`, with an empty environment or in a new
session. So a process sets this limit to a random number, its mark, and starts a watcher, which is this file run as a
program. When the process has ended, the watcher kills every process that has the mark.

A descendant may replace its mark by a second one in the same way. Processes that it starts later have only the second
mark. But the descendant started its own watcher before it replaced the mark, so this second watcher has the first mark.
The first watcher finds the second watcher, reads the second mark from its command line, and also kills the processes
that have the second mark.
"""

import os
import signal
import sys
import time
from contextlib import suppress

_LIMIT, _LIMIT_NAME = 10, b"Max file locks"  # RLIMIT_LOCKS, and its name in /proc
_WATCHER_PATH = b"/competitor/checks/orphans.py"  # the end of the path: a watcher may run another copy of this file
POLL_SECONDS = 0.1
# Only a process that waits for a broken disk survives SIGKILL this long.
GIVE_UP_SECONDS = 20.0

_watchers: list[int] = []


def kill_orphans() -> None:
    """Makes sure that all processes started from now on end when this process ends. A second call does nothing."""
    if sys.platform != "linux" or _watchers:
        return
    import resource

    from .programs import program

    mark = int.from_bytes(os.urandom(7), "big") + 1
    no_streams = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]
    # Not a Popen object: nobody waits for this process, and Popen would report that as a leak.
    watcher = os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", *program("orphans.py"), str(os.getpid()), str(mark)],
        os.environ,
        file_actions=no_streams,
        setsid=True,  # signals to this process's group do not reach it
    )
    _watchers.append(watcher)
    with suppress(OSError, ValueError):  # some sandboxes have no such limit
        resource.setrlimit(_LIMIT, (mark, resource.getrlimit(_LIMIT)[1]))


def _watch(parent: int, mark: int) -> None:
    """Waits until `parent` has ended, and kills its remaining descendants."""
    os.chdir("/")  # so that the folder can be unmounted or removed meanwhile
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    marks, deadline = {mark}, time.monotonic() + GIVE_UP_SECONDS
    # Look twice, since a process may have been started during the first look.
    while (_kill_once(marks) or _kill_once(marks)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS / 10)


def _kill_once(marks: set[int]) -> bool:
    """Kills all processes that have one of the marks. Returns whether there was any.

    Does not kill other watchers, since they end by themselves, but adds their marks to `marks`.
    """
    found = [int(name) for name in os.listdir("/proc") if name.isdigit() and _mark_of(name) in marks]
    found = [pid for pid in found if not _has_ended(pid)]
    for pid in found:
        other_mark = _mark_of_watcher(pid)
        if other_mark is not None:
            marks.add(other_mark)
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    return bool(found)


def _mark_of(pid: str) -> int | None:
    """The value of the limit for a process; None if it is not a number, or the process has ended."""
    values = _read(f"/proc/{pid}/limits").partition(_LIMIT_NAME)[2].split(maxsplit=1)
    return int(values[0]) if values and values[0].isdigit() else None


def _has_ended(pid: int) -> bool:
    """Whether a process has ended. /proc still lists it as a zombie until its parent has waited for it."""
    return _read(f"/proc/{pid}/stat").rpartition(b") ")[2][:1] in (b"", b"Z", b"X")


def _mark_of_watcher(pid: int) -> int | None:
    """The mark that another watcher looks for; None if the process is not a watcher."""
    words = _read(f"/proc/{pid}/cmdline").split(b"\0")
    return int(words[-2]) if len(words) > 4 and words[-4].endswith(_WATCHER_PATH) else None


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


if __name__ == "__main__":
    _watch(int(sys.argv[-2]), int(sys.argv[-1]))
