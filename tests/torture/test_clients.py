"""Tests that, whatever a client does, the work for it stops, its socket is closed, and the next request works."""

import contextlib
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from competitor.checks import Upstream
from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import question

from .conftest import Compete, Running
from .raw_inputs import BODY, request

# The server's deadlines, which are short here; how long a busy machine may need to stop the work; and how long after
# its deadline a server may let a client send byte by byte, which would take 20 s for the whole request.
HEAD_SECONDS, BODY_SECONDS, GONE_SECONDS, TRICKLE_SECONDS = 2, 2, 60.0, 15.0
# Until the system's buffers are full, the server reads about 80 MB from the upstream; the whole answer would be 270.
MAX_READ_BYTES = 180 * 2**20
# A process that streams so fast for the first time grows once by 17 MiB, and then no more.
MAX_GROWTH_KIB = 32 * 1024
ENDLESS = json.dumps(question('mock{"endless": true, "delay": 0.02}', stream=True)).encode()
FLOOD = json.dumps(question('mock{"endless": true, "burst": 200}', stream=True)).encode()
SLOW = json.dumps(question('mock{"wait": 600}')).encode()  # much longer than GONE_SECONDS
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"


def closes(client: socket.socket) -> bytes:
    """Reads until the server closes the connection. Returns the bytes."""
    client.settimeout(GONE_SECONDS)
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            received += piece
    return received


def leaves_without_a_word(client: socket.socket, running: Running) -> None:
    """The client connects and sends nothing."""


def leaves_in_the_head(client: socket.socket, running: Running) -> None:
    client.sendall(HEAD)


def leaves_in_the_body(client: socket.socket, running: Running) -> None:
    client.sendall(request(BODY)[:-5])


def leaves_before_the_answer(client: socket.socket, running: Running) -> None:
    client.sendall(request(ENDLESS))


def leaves_after_the_head_of_the_answer(client: socket.socket, running: Running) -> None:
    client.sendall(request(ENDLESS))
    client.recv(10)


def leaves_in_the_middle(client: socket.socket, running: Running) -> None:
    client.sendall(request(ENDLESS))
    received = b""
    while b"tok9" not in received:
        received += client.recv(65536)


def resets_in_the_middle(client: socket.socket, running: Running) -> None:
    leaves_in_the_middle(client, running)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def leaves_a_whole_answer(client: socket.socket, running: Running) -> None:
    client.sendall(request(SLOW))
    time.sleep(0.5)


def half_closes(client: socket.socket, running: Running) -> None:
    """To the server, this client looks like one that leaves, so it ends the answer. Gateways do not half-close."""
    leaves_in_the_middle(client, running)
    client.shutdown(socket.SHUT_WR)
    closes(client)


def never_reads(client: socket.socket, running: Running) -> None:
    before, size = read_bytes(running.pid), resident_kib(running.pid)
    client.sendall(request(FLOOD))
    read = -1
    while read != (read := read_bytes(running.pid)):  # until all buffers are full
        assert read - before < MAX_READ_BYTES, "the server still reads from the upstream"
        time.sleep(1)
    assert resident_kib(running.pid) - size < MAX_GROWTH_KIB


def says_nothing(client: socket.socket, running: Running) -> None:
    assert closes(client) == b""


def sends_its_head_slowly(client: socket.socket, running: Running) -> None:
    trickle(client, HEAD + b"x: " + b"y" * 200)
    assert b" 408 " in closes(client).partition(b"\r\n")[0]


def sends_its_body_slowly(client: socket.socket, running: Running) -> None:
    client.sendall(request(BODY)[: -len(BODY)])
    trickle(client, BODY)
    assert b'"too_slow"' in closes(client)


def sends_line_ends_for_ever(client: socket.socket, running: Running) -> None:
    trickle(client, b"\r\n" * 200)
    assert b" 408 " in closes(client).partition(b"\r\n")[0]


def sends_nonsense_after_its_request(client: socket.socket, running: Running) -> None:
    leaves_in_the_middle(client, running)
    client.sendall(b"\x16\x03\x01nonsense\r\n\r\n")
    closes(client)


def trickle(client: socket.socket, data: bytes) -> None:
    """Sends a byte every tenth of a second, until the server answers or closes the connection."""
    client.settimeout(0.1)
    deadline = time.monotonic() + HEAD_SECONDS + TRICKLE_SECONDS
    for place in range(len(data)):
        assert time.monotonic() < deadline, "the server sets no time limit for a client that sends byte by byte"
        client.sendall(data[place : place + 1])
        with contextlib.suppress(TimeoutError):
            if client.recv(1, socket.MSG_PEEK):
                return


MISDEEDS: dict[str, Callable[[socket.socket, Running], None]] = {
    deed.__name__: deed
    for deed in (
        leaves_without_a_word, leaves_in_the_head, leaves_in_the_body, leaves_before_the_answer,
        leaves_after_the_head_of_the_answer, leaves_in_the_middle, resets_in_the_middle, leaves_a_whole_answer,
        half_closes,
        never_reads, says_nothing, sends_its_head_slowly, sends_its_body_slowly, sends_line_ends_for_ever,
        sends_nonsense_after_its_request,
    )
}  # fmt: skip


def read_bytes(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/io").read_text().splitlines() if line.startswith("rchar"))
    return int(line.split()[1])


def resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def sockets(pid: int) -> int:
    """The number of open sockets of a process: listener, clients and upstream."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in the meantime
            found += os.readlink(link).startswith("socket:")
    return found


@pytest.fixture
def running(backend: str, compete: Compete, upstream: Upstream) -> Running:
    seconds = {"JANUS_HEAD_SECONDS": f"{HEAD_SECONDS}", "JANUS_BODY_SECONDS": f"{BODY_SECONDS}"}
    return compete(backend, {**seconds, "JANUS_LLM_BASE_URL": f"{upstream.url}/v1"})


@pytest.mark.torture("B", "misbehaviours of a client, for each backend")
@pytest.mark.parametrize("deed", MISDEEDS)
def test_the_work_is_stopped_and_the_next_request_works(deed: str, running: Running, upstream: Upstream) -> None:
    running.target.read_stream(question(stream=True))  # opens the connections that stay open
    before = sockets(running.pid)
    with socket.create_connection(("127.0.0.1", running.port), timeout=GONE_SECONDS) as client:
        MISDEEDS[deed](client, running)
    deadline = time.monotonic() + GONE_SECONDS
    while upstream.stats()["open"] or sockets(running.pid) > before:
        assert time.monotonic() < deadline, (
            "the server still handles the request of a client that has left, or keeps its socket open"
        )
        time.sleep(0.05)
    assert running.target.get("/health").status == 200
    well_formed(running.target.read_stream(question(stream=True)))
