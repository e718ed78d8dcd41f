"""Starts a server on its own core, reads its CPU time and memory, and stops it."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from . import environments, machine
from .environments import ROOT

CHAT = "/v1/chat/completions"
READY_SECONDS = 90.0
_LIBC, _SET_DEATH_SIGNAL = ctypes.CDLL(None), 1  # PR_SET_PDEATHSIG of linux/prctl.h
STOP_SECONDS = 15.0
Command = tuple[list[str], Path]  # the command, and the folder to run it in


@dataclass(frozen=True)
class Peer:
    """A server that can be started. A `slow` server is measured in fewer repetitions."""

    name: str
    about: str
    command: Callable[[int, Path, int], Command]  # called with the port, a folder for the server, the upstream's port
    environment: dict[str, str] = field(default_factory=dict)
    health: str = "/health"
    slow: bool = False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def prepared(cores: list[int]) -> Callable[[], None]:
    """Returns a function for `preexec_fn`, which pins the child to these cores and makes it end with the benchmark."""

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)  # even if the benchmark is killed

    return prepare


class Mock:
    """Runs the upstream on `port`, as a context manager."""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mock", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=prepared(machine.OTHER_CORES),
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}{CHAT}"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=STOP_SECONDS)


class Server:
    """Runs one server, as a context manager. With `bare`, the server gets no configuration at all (clause E9)."""

    def __init__(self, peer: Peer, upstream: int, bare: bool = False, cores: list[int] | None = None):
        self.peer, self.port = peer, free_port()
        self._scratch = tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-")
        folder = Path(self._scratch.name)
        self.command, self._where = peer.command(self.port, folder, upstream)
        self.url = f"http://127.0.0.1:{self.port}{CHAT}"
        base = f"http://127.0.0.1:{upstream}/v1"
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        told = {"OPENAI_BASE_URL": base, "JANUS_LLM_BASE_URL": base, "OPENAI_API_KEY": "any"}
        self.environment = kept if bare else {**kept, "HOME": str(folder), **told, **peer.environment}
        self._log, self._cores = folder / "log", cores or machine.SERVER_CORES

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self._where,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that all of its processes are found by their session
                preexec_fn=prepared(self._cores),
            )
        try:
            self.ready_after = self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait(self) -> float:
        """Waits for the first 200 on the health path. Returns the seconds since the start."""
        health = f"http://127.0.0.1:{self.port}{self.peer.health}"
        while time.monotonic() - self.began < READY_SECONDS and self.process.poll() is None:
            try:
                with urllib.request.urlopen(health, timeout=5) as answer:
                    if answer.status == 200:
                        return time.monotonic() - self.began
            except OSError:
                time.sleep(0.005)
        raise environments.Missing(f"{self.peer.name} did not start:\n{self._log.read_text()[-2000:]}")

    def cpu(self) -> float:
        return machine.cpu_seconds(self.process.pid)

    def memory_kib(self) -> int:
        return machine.memory_kib(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for left in machine.processes(self.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(left, signal.SIGKILL)
        self._scratch.cleanup()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
