"""A program in a pseudo-terminal, whose output a test reads while it runs."""

import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

PATIENCE_SECONDS = 120.0


class Terminal:
    """`with Terminal(command, folder, environment) as terminal`: ends the program at the end, if it still runs."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]):
        self._main, theirs = pty.openpty()
        self._text = ""
        self._read_to = 0
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            os.close(self._main)

    @property
    def text(self) -> str:
        with self._changed:
            return self._text

    def type(self, line: str) -> None:
        os.write(self._main, f"{line}\n".encode())

    def shows(self, wanted: str) -> str:
        """Waits until the program prints this text, after all that was waited for before. Returns what led to it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._changed:
            while (at := self._text.find(wanted, self._read_to)) < 0:
                left = deadline - time.monotonic()
                assert left > 0, f"{wanted!r} was not printed, but: {self._text[self._read_to :]}"
                self._changed.wait(min(left, 1))
            before = self._text[self._read_to : at]
            self._read_to = at + len(wanted)
        return before

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._main, 65536)
            except OSError:  # the program has ended
                return
            with self._changed:
                self._text += data.decode("utf-8", "replace").replace("\r\n", "\n")
                self._changed.notify_all()
