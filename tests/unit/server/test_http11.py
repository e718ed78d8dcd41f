"""Tests the deadlines and limits for what clients send, and that every refusal has the same error shape (S16)."""

import contextlib
import http.client
import socket
import time

import pytest

from competitor.checks.responses import CHAT, Reply
from competitor.checks.sources.answers import refused

from ..servers import PATIENCE_SECONDS, SCRIPTED, Launch

SECONDS = 1
HEAD = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\n".encode()


@pytest.fixture(scope="module")
def port(launch: Launch) -> int:
    given = {"JANUS_HEAD_SECONDS": f"{SECONDS}", "JANUS_BODY_SECONDS": f"{SECONDS}", "JANUS_MAX_BODY_BYTES": "4096"}
    return int(launch(given, *SCRIPTED).url.rpartition(":")[2])


def answer(port: int, *parts: bytes) -> Reply:
    """The response to these bytes, from a server that then closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        with contextlib.suppress(OSError):
            for part in parts:
                connection.sendall(part)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return Reply(response.status, dict(response.getheaders()), response.read())


# what arrives -> (its bytes, the status, the code)
REFUSED = {
    "a head that does not end": ((HEAD,), 408, "too_slow"),
    "line ends alone": ((b"\r\n\r\n",), 408, "too_slow"),
    "a body that does not end": ((HEAD, b"content-length: 99\r\n\r\n{"), 408, "too_slow"),
    "a header of 100 KB": ((HEAD, b"x: " + b"y" * 100_000 + b"\r\n\r\n"), 431, "head_too_large"),
    "a header of 10 MB": ((HEAD, b"x: " + b"y" * 10_000_000), 431, "head_too_large"),
    "a thousand headers": ((HEAD, b"x: y\r\n" * 1000 + b"\r\n"), 431, "head_too_large"),
    "something else than HTTP": ((b"\x16\x03\x01\x00\x00\r\n\r\n",), 400, "bad_request"),
    "a bad size of a chunk": ((HEAD, b"transfer-encoding: chunked\r\n\r\nZZ\r\n"), 400, "bad_request"),
    "a large body": ((HEAD, b"connection: close\r\ncontent-length: 5000\r\n\r\n" + b"x" * 5000), 413, "body_too_large"),
    "a text": ((HEAD, b"connection: close\r\ncontent-type: text/plain\r\n\r\n"), 415, "unsupported_media_type"),
    "no such path": ((b"GET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",), 404, "not_found"),
    "a slash too many": ((f"GET {CHAT}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode(),), 404, "not_found"),
    "no such method": ((b"PUT /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",), 405, "method_not_allowed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_the_one_shape(what: str, port: int) -> None:
    parts, status, code = REFUSED[what]
    reply = answer(port, *parts)
    assert reply.status == status
    assert refused(reply, what=what)["code"] == code


def test_a_slow_head_is_cut_however_it_trickles(port: int) -> None:
    """The time limit is for the whole head: a new piece of it does not restart the time."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=0.1) as connection:
        for part in (*[b"\r\n"] * 5, HEAD, *[b"x: y\r\n"] * 190):  # for twenty seconds
            with contextlib.suppress(OSError):  # the server may have closed the connection already
                connection.sendall(part)
            with contextlib.suppress(TimeoutError):
                said = connection.recv(1024)
                break
    assert said.startswith(b"HTTP/1.1 408 ")


def test_a_silent_socket_is_closed_without_a_word(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        assert connection.recv(1) == b""


def test_requests_one_after_the_other_on_one_connection_have_each_their_own_time(port: int) -> None:
    """Sends requests that together take longer than the deadline of a single request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    for _ in range(4):
        connection.request("GET", "/health")
        assert connection.getresponse().read()
        time.sleep(SECONDS / 2)
    connection.close()
