"""Starts a command, kills it with SIGKILL, and prints which of its processes still run two seconds later.

    python -m tests.orphans.adopter HOW FOLDER LINES COMMAND...

HOW says what is killed: `process` or `group`. The command runs in FOLDER. Each line of LINES is a part of a command
line. When all these parts occur in the command lines of the command's processes, it is killed. This process
adopts all orphans of the command (Linux calls it a subreaper), so it can count all of them. It prints two lists of
command lines as JSON: the processes that ran when the command was killed, and those that are left.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_SET_CHILD_SUBREAPER = 36  # of linux/prctl.h
START_SECONDS, LEFT_SECONDS = 240.0, 2.0


def descendants() -> dict[int, str]:
    """Maps process ids to command lines, for all living descendants of this process."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (status := _status(folder)):
            children.setdefault(int(status[1]), []).append(int(folder.name))
    found: dict[int, str] = {}
    below = children.get(os.getpid(), [])
    while below:
        pid = below.pop()
        below += children.get(pid, [])
        if _status(Path(f"/proc/{pid}"))[:1] not in ([], ["Z"]):
            found[pid] = _command_line(pid)
    return found


def _status(folder: Path) -> list[str]:
    """The state and the parent of a process; empty if it no longer exists."""
    try:
        return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()[:2]
    except OSError:
        return []


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""


def wait_for(lines: list[str], command: "subprocess.Popen[bytes]") -> dict[int, str]:
    deadline = time.monotonic() + START_SECONDS
    while True:
        running = descendants()
        if all(any(line in shown for shown in running.values()) for line in lines):
            return running
        if command.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"not all of {lines} are running; {command.poll()=}; {list(running.values())}")
        time.sleep(0.02)


def main(how: str, folder: str, lines: str, *command: str) -> None:
    if ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise SystemExit("this process cannot become a subreaper")
    started = subprocess.Popen(command, cwd=folder, stdout=sys.stderr, start_new_session=True)
    running = wait_for(lines.splitlines(), started)
    (os.killpg if how == "group" else os.kill)(started.pid, signal.SIGKILL)
    time.sleep(LEFT_SECONDS)
    print(json.dumps([list(running.values()), list(descendants().values())]))


if __name__ == "__main__":
    main(*sys.argv[1:])
