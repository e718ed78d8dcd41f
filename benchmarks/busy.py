"""Keeps every core busy in a set way, so that a measurement on a busy machine can be repeated."""

import subprocess
import sys
from types import TracebackType
from typing import Self

from . import machine
from .servers import prepared

_LOOP = "while True: pass"


class BusyLoops:
    """Runs `loops` endless loops on each core, as a context manager. If the benchmark is killed, they end too."""

    def __init__(self, loops: int):
        self._loops = loops
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for core in machine.CORES * self._loops:
            self._processes.append(subprocess.Popen([sys.executable, "-S", "-c", _LOOP], preexec_fn=prepared([core])))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
