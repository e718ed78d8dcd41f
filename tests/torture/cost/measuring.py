"""Sends a body to an instrumented server, and says what it cost."""

import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .server import NUMBER

MAX_LAG_SECONDS = 0.2
MAX_MEMORY_BYTES, MAX_MEMORY_TIMES = 32 * 2**20, 20
READ_SECONDS = 60.0


@dataclass(frozen=True)
class Cost:
    """The longest turn of the loop in CPU seconds, and the memory that the server had at most beyond that before."""

    seconds: float
    memory: int
    sent: int
    status: int

    @property
    def memory_share(self) -> float:
        """The memory, as a share of what is allowed for a body of this size."""
        return self.memory / max(MAX_MEMORY_BYTES, MAX_MEMORY_TIMES * self.sent)

    def __str__(self) -> str:
        return f"{self.seconds:.3f} s, {self.memory / 2**20:5.1f} MiB, status {self.status}"


class Measured:
    """A running server: its port, its process, and the file with its longest turn."""

    def __init__(self, url: str, pid: int, file: Path):
        self.port, self.pid, self.file = int(url.rpartition(":")[2]), pid, file

    def cost(self, body: bytes) -> Cost:
        """What one request with this body costs."""
        os.kill(self.pid, signal.SIGUSR1)
        time.sleep(0.05)  # the handler runs in the loop's thread, before its next turn
        self._get("/health")
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")  # the peak begins again here
        before = self._memory("VmRSS")
        with self.file.open("r+b") as file:  # not cut off first: the server has it in its memory
            file.write(NUMBER.pack(0.0))
        status = self.post(body)
        seconds: float = NUMBER.unpack(self.file.read_bytes())[0]
        return Cost(seconds, max(0, self._memory("VmHWM") - before), len(body), status)

    def post(self, body: bytes) -> int:
        """The status of the answer, which is read whole, but at most for a minute."""
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        return self._ask(head.encode() + body)

    def _get(self, path: str) -> int:
        return self._ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())

    def _ask(self, sent: bytes) -> int:
        with socket.create_connection(("127.0.0.1", self.port), timeout=READ_SECONDS) as made:
            found, ends = bytearray(), time.monotonic() + READ_SECONDS
            with suppress(ConnectionError):  # a server that refuses a body does not read the rest of it
                made.sendall(sent)
                while time.monotonic() < ends and (data := made.recv(2**20)):
                    found += data[: 100 - len(found)] if len(found) < 100 else b""
        return int(found.split(b" ")[1])

    def _memory(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
        raise AssertionError(name)
