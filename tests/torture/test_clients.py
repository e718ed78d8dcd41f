"""Whatever a client does, the work for it is gone, its socket is closed, and the next request works."""

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

# The deadlines of the server, short; how long a busy machine may need for what takes a moment; and for how long a
# client may trickle, which takes 20 s for all of what it has.
HEAD_SECONDS, BODY_SECONDS, GONE_SECONDS, TRICKLE_SECONDS = 2, 2, 60.0, 15.0
# The system's own buffers on both sides take 10 MB of the answer, which come as some 80 MB here; all of it were 270.
MOST_READ_BYTES = 180 * 2**20
# A process that has not streamed so fast before grows by 17 MiB once, and then no more.
MOST_MEMORY_KIB = 32 * 1024
ENDLESS = json.dumps(question('mock{"endless": true, "delay": 0.02}', stream=True)).encode()
FLOOD = json.dumps(question('mock{"endless": true, "burst": 200}', stream=True)).encode()
SLOW = json.dumps(question('mock{"wait": 60}')).encode()
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"


def closes(client: socket.socket) -> bytes:
    """What the server says until it closes."""
    client.settimeout(GONE_SECONDS)
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            received += piece
    return received


def leaves_without_a_word(client: socket.socket, running: Running) -> None:
    """It connects, and no more."""


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
    """As one that leaves: nobody can tell the two apart, and gateways never do it."""
    leaves_in_the_middle(client, running)
    client.shutdown(socket.SHUT_WR)
    closes(client)


def never_reads(client: socket.socket, running: Running) -> None:
    before, size = read_bytes(running.pid), resident_kib(running.pid)
    client.sendall(request(FLOOD))
    read = -1
    while read != (read := read_bytes(running.pid)):  # until all buffers between are full
        assert read - before < MOST_READ_BYTES, "it reads on"
        time.sleep(1)
    assert resident_kib(running.pid) - size < MOST_MEMORY_KIB


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
    """A byte each tenth of a second, until the server has enough of it."""
    client.settimeout(0.1)
    deadline = time.monotonic() + HEAD_SECONDS + TRICKLE_SECONDS
    for place in range(len(data)):
        assert time.monotonic() < deadline, "it is let go on for ever"
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
    """Open sockets of this process: its listener, those of its clients, and those to its upstream."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed while we looked
            found += os.readlink(link).startswith("socket:")
    return found


@pytest.fixture
def running(backend: str, compete: Compete, upstream: Upstream) -> Running:
    seconds = {"JANUS_HEAD_SECONDS": f"{HEAD_SECONDS}", "JANUS_BODY_SECONDS": f"{BODY_SECONDS}"}
    return compete(backend, {**seconds, "JANUS_LLM_BASE_URL": f"{upstream.url}/v1"})


@pytest.mark.torture("B", "misdeeds of a client, by backend")
@pytest.mark.parametrize("deed", MISDEEDS)
def test_the_work_is_gone_and_the_next_request_works(deed: str, running: Running, upstream: Upstream) -> None:
    running.target.read_stream(question(stream=True))  # so that what is opened once is open
    before = sockets(running.pid)
    with socket.create_connection(("127.0.0.1", running.port), timeout=GONE_SECONDS) as client:
        MISDEEDS[deed](client, running)
    deadline = time.monotonic() + GONE_SECONDS
    while upstream.stats()["open"] or sockets(running.pid) > before:
        assert time.monotonic() < deadline, "something still works for a client that is gone, or holds its socket"
        time.sleep(0.05)
    assert running.target.get("/health").status == 200
    well_formed(running.target.read_stream(question(stream=True)))
