"""Reads a server's CPU time and memory from the Linux kernel, and says which cores the server may use."""

import os
import platform
import resource
import time
from pathlib import Path

# The server has a core of its own. The upstream and the client share the others, so that they do not slow it down.
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = CORES[-1:]
OTHER_CORES = CORES[:-1] or CORES


def leave_the_servers_core() -> None:
    """Moves this process to the other cores, and raises its limit of open sockets to the maximum."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))  # two sockets per stream
    os.sched_setaffinity(0, OTHER_CORES)


def processes(session: int) -> list[int]:
    """The ids of the living processes of a session: a server and everything that it started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(after_name[3]) == session and after_name[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def cpu_seconds(session: int) -> float:
    """CPU seconds of all threads of a session so far, from the scheduler's own clock, which counts nanoseconds."""
    total = 0
    for process in processes(session):
        for schedstat in Path(f"/proc/{process}/task").glob("*/schedstat"):
            try:
                total += int(schedstat.read_text().split()[0])
            except OSError:
                continue  # the thread has just ended
    return total / 1e9


def memory_kib(session: int) -> int:
    """Resident memory of a session in KiB. A page that several processes share counts once (PSS)."""
    total = 0
    for process in processes(session):
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


def described() -> dict[str, str]:
    """Describes the machine, for the report."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "CPU": f"{len(CORES)} x {models[0].partition(':')[2].strip() if models else platform.machine()}",
        "Python": platform.python_version(),
        "system": f"Linux {platform.release().partition('-')[0]}",
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
