"""Tests that a hostile server can neither hang `competitor check` nor fill its memory (line J)."""

import gzip
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n"
SSE, JSON = HEAD % b"text/event-stream" + b"\r\n", HEAD % b"application/json"
CHUNK = b'data: {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": null}]}\n\n'
Send = Callable[[bytes], None]


def endless(first: bytes, piece: bytes) -> Callable[[Send], None]:
    def serve(send: Send) -> None:
        send(first)
        while True:
            send(piece)

    return serve


def once(text: bytes) -> Callable[[Send], None]:
    return lambda send: send(text)


# Each sends one response. A connection ends when the response does; an endless one ends when the client leaves.
HOSTILE: dict[str, Callable[[Send], None]] = {
    "an endless stream": endless(SSE, CHUNK * 100),
    "an endless line": endless(SSE, b"data: " + b"x" * 65536),
    "endless pings": endless(SSE, b": ping\n\n" * 5000),
    "endless empty lines": endless(SSE, b"\n" * 65536),
    "an endless head": endless(HEAD % b"text/plain", b"X-More: " + b"y" * 60_000 + b"\r\n"),
    "many headers": once(JSON + b"X: y\r\n" * 100_000 + b"\r\n{}"),
    "an endless body": endless(JSON + b"\r\n", b"[" * 65536),
    "a body of nested lists": once(JSON + b"\r\n" + b"[" * 5_000_000),
    "a huge length": once(JSON + b"Content-Length: 99999999999\r\n\r\n{}"),
    "endless chunks": endless(JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 5000),
    "a huge chunk": once(JSON + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n{}"),
    "a zip bomb": once(JSON + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(200 * 2**20))),
    "endless early hints": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "a redirect to itself": once(b"HTTP/1.1 307 X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
    "bytes of no protocol": once(bytes(range(256)) * 1000),
    "a number of a million digits": once(JSON + b"\r\n" + b'{"choices": ' + b"9" * 1_000_000 + b"}"),
}
# Runs a command, and prints the most memory that it had, in bytes. (Started from here, it would first have our memory.)
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print("most memory:", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""
MAX_MEMORY_BYTES = 400 * 2**20
QUICK = ("an endless stream", "an endless head", "a body of nested lists")


@contextmanager
def hostile(serve: Callable[[Send], None]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            serve(connection.sendall)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


@pytest.mark.torture("J", "hostile servers, against `competitor check`")
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in HOSTILE]
)
def test_a_hostile_server_neither_hangs_the_check_nor_fills_its_memory(kind: str, baked: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with hostile(HOSTILE[kind]) as url:
        command = [
            sys.executable,
            "-m",
            "competitor",
            "check",
            url,
            "--quick",
            "--patience",
            "2",
            "--json",
            str(report),
        ]
        command += ["--only", "E1,S1,S8,S16,E3,R1"]
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *command],
            cwd=baked,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    text, _, used = done.stdout.rpartition("most memory: ")
    text += done.stderr
    assert "Traceback" not in text
    assert done.returncode in (1, 2), text
    assert int(used) < MAX_MEMORY_BYTES
    verdicts: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert {case["status"] for case in verdicts["cases"]} <= {"broken", "not shown", "holds"}
    assert report.stat().st_size < 20 * 2**20
