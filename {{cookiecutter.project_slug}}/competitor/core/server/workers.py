"""Runs several processes that share one port, for machines with several cores.
Contract file: replaced by updates.

The parent process only watches: it binds the port, starts the workers, replaces one that dies, passes SIGTERM on,
and ends when all have ended. The limits in the settings apply to each worker.
"""

import logging
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess
from types import FrameType

from ..observe.metrics import FOLDER_VARIABLE, forget_worker

log = logging.getLogger("competitor.workers")

# If a worker dies sooner than this after its start, another one would probably die as well.
MIN_LIFE_SECONDS = 2.0
LOOK_SECONDS = 0.5


class Workers:
    """Runs the workers. `run` returns an exit code when all of them have ended.

    A worker calls `work(*arguments, listener, number)` in its own process, so all of these must be picklable.
    """

    def __init__(self, count: int, listener: socket.socket, work: Callable[..., None], *arguments: object):
        self._count, self._listener = count, listener
        self._work, self._arguments = work, arguments
        self._running: dict[int, tuple[BaseProcess, float]] = {}
        self._ending = False
        self._failed = False

    def run(self) -> int:
        for sent in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sent, self._end)
        try:
            shared = tempfile.TemporaryDirectory(prefix="competitor-")
        except OSError:
            log.warning("no temporary folder can be written: /metrics shows the figures of one worker only")
            return self._watch()
        with shared as folder:
            os.environ[FOLDER_VARIABLE] = folder  # the workers count in files there, so each can show the sum
            return self._watch()

    def _watch(self) -> int:
        for number in range(1, self._count + 1):
            self._start(number)
        while self._running:
            connection.wait([process.sentinel for process, _ in self._running.values()], timeout=LOOK_SECONDS)
            for number, (process, started) in tuple(self._running.items()):
                if not process.is_alive():
                    self._ended(number, process, started)
        return 1 if self._failed else 0

    def _start(self, number: int) -> None:
        process = get_context("spawn").Process(target=self._work, args=(*self._arguments, self._listener, number))
        process.start()
        self._running[number] = process, time.monotonic()
        if self._ending:  # the signal arrived while the process was being started
            process.terminate()

    def _ended(self, number: int, process: BaseProcess, started: float) -> None:
        del self._running[number]
        forget_worker(process.pid or 0)
        if self._ending:
            # A worker that gets SIGTERM before it is up dies of the signal. That is no failure: it had no answers.
            self._failed = self._failed or process.exitcode not in (0, -signal.SIGTERM)
            return
        log.error("a worker died", extra={"worker": number, "exit_code": process.exitcode})
        if time.monotonic() - started < MIN_LIFE_SECONDS:
            self._failed = True
            self._end(signal.SIGTERM, None)
        else:
            self._start(number)

    def _end(self, sent: int, frame: FrameType | None) -> None:
        self._ending = True
        for process, _ in tuple(self._running.values()):
            process.terminate()
