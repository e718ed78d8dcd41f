"""Starts the server again when the owner's files change, for `make run`.
Contract file: replaced by updates.

The parent process holds the port and looks at the files. The server is a child process, so that it starts with nothing
of the old code. A new child gets the port only when its backend is loaded; if that fails, it says why, and the old
child goes on. The old child ends when its open answers have ended.
"""

import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from ..observe.metrics import FOLDER_VARIABLE, forget_worker

LOOK_SECONDS = 0.4
STOP, READY = "stop", "ready"
_SKIPPED = ("__pycache__", ".", "~")


class Child:
    """A server in a process of its own. `work(*arguments, listener, pipe)` runs there, and must be picklable."""

    def __init__(self, work: Callable[..., None], arguments: Sequence[object], listener: socket.socket):
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=work, args=(*arguments, listener, theirs))
        self.process.start()
        theirs.close()
        self.ready = False

    def look(self) -> bool:
        """Whether the child still lives. Notices when it is ready."""
        with suppress(EOFError, OSError):
            while self.pipe.poll():
                self.ready = self.pipe.recv() == READY
        return self.process.is_alive()

    def stop(self) -> None:
        with suppress(OSError):
            self.pipe.send(STOP)


class Reloader:
    """`run` serves until a signal arrives, and returns the exit code."""

    def __init__(self, listener: socket.socket, watched: Sequence[Path], work: Callable[..., None], *arguments: object):
        self._listener, self._watched = listener, watched
        self._work, self._arguments = work, arguments
        self._ending = False
        self._old: list[Child] = []  # their last answers have not ended yet

    def run(self) -> int:
        for sent in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sent, self._end)
        with tempfile.TemporaryDirectory(prefix="competitor-") as folder:
            os.environ[FOLDER_VARIABLE] = folder  # the figures and the console survive a reload
            return self._watch()

    def _watch(self) -> int:
        seen = self._state()
        serving: Child | None = None
        coming: Child | None = self._start()
        while not self._ending:
            self._wait(serving, coming)
            if coming is not None:
                alive = coming.look()
                if coming.ready:
                    if serving is not None:
                        serving.stop()
                        self._old.append(serving)
                    serving, coming = coming, None
                elif not alive:
                    coming = None
                    _say("The last version goes on." if serving else "Requests wait until this is corrected.")
            if serving is not None and not serving.look():
                serving = None
                _say("The server has died. It starts again when a file changes.")
            if (now := self._state()) != seen:
                _say(f"{_difference(seen, now)}: reloading")
                seen = now
                if coming is not None:
                    coming.stop()
                    self._old.append(coming)
                coming = self._start()
            self._bury()
        return self._stop([child for child in (serving, coming) if child is not None])

    def _start(self) -> Child:
        return Child(self._work, self._arguments, self._listener)

    def _wait(self, *children: Child | None) -> None:
        watched = [each for child in children if child is not None for each in (child.process.sentinel, child.pipe)]
        connection.wait([*watched, *(child.process.sentinel for child in self._old)], timeout=LOOK_SECONDS)

    def _bury(self) -> None:
        for child in tuple(self._old):
            if not child.process.is_alive():
                forget_worker(child.process.pid or 0)
                self._old.remove(child)

    def _stop(self, children: list[Child]) -> int:
        for child in (*children, *self._old):
            child.stop()
        for child in (*children, *self._old):
            child.process.join()
        return 0

    def _state(self) -> dict[Path, tuple[int, int]]:
        """The watched files, each with the time of its last change and its size."""
        found = {}
        for path in self._files():
            with suppress(OSError):
                status = path.stat()
                found[path] = status.st_mtime_ns, status.st_size
        return found

    def _files(self) -> Iterator[Path]:
        for top in self._watched:
            if not top.is_dir():
                yield top
                continue
            for folder, folders, files in os.walk(top):
                folders[:] = [name for name in folders if not name.startswith(_SKIPPED)]
                yield from (Path(folder, name) for name in files if not name.startswith(".") and name[-1:] != "~")

    def _end(self, sent: int, frame: FrameType | None) -> None:
        self._ending = True


def follow(pipe: Connection, end: Callable[[], None]) -> Callable[[], None]:
    """In the child: calls `end` when the parent says so, or is gone. Returns what tells the parent "ready"."""

    def listen() -> None:
        with suppress(EOFError, OSError):
            while pipe.recv() != STOP:
                pass
        end()

    threading.Thread(target=listen, name="reload", daemon=True).start()
    return lambda: pipe.send(READY)


def _difference(old: dict[Path, tuple[int, int]], new: dict[Path, tuple[int, int]]) -> str:
    changed = [path for path in {**old, **new} if old.get(path) != new.get(path)]
    first = changed[0]
    shown = first.relative_to(Path.cwd()) if first.is_relative_to(Path.cwd()) else first
    what = "is gone" if first not in new else "is new" if first not in old else "has changed"
    more = f" (and {len(changed) - 1} more)" if changed[1:] else ""
    return f"{shown.as_posix()} {what}{more}"


def _say(sentence: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} reload  {sentence}\n")
    sys.stderr.flush()
