"""Tests that any bytes get a 2xx or a 4xx. A 4xx body has the error shape, has under 2 KiB, and repeats no input."""

import json
import socket
from contextlib import suppress

import pytest

from competitor.checks import Upstream
from competitor.checks.responses import Reply
from competitor.checks.sources.answers import refused

from .conftest import Compete, Running
from .raw_inputs import CANARY, inputs

INPUTS = inputs()
SECONDS = {"JANUS_HEAD_SECONDS": "2", "JANUS_BODY_SECONDS": "2"}


@pytest.fixture
def running(backend: str, compete: Compete, upstream: Upstream) -> Running:
    return compete(backend, {**SECONDS, "JANUS_LLM_BASE_URL": f"{upstream.url}/v1"})


def answer(port: int, data: bytes, *, bodiless: bool) -> Reply:
    """Returns the first response to these bytes, even if the server then closes or resets the connection."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        with suppress(OSError):  # refused before all was sent; the answer can still be read
            connection.sendall(data)
        while not _complete(received, bodiless=bodiless):
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            received = (received + piece).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert received, "closed without an answer"
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(": ") for line in lines[1:])
    return Reply(int(lines[0].split(" ")[1]), {name.lower(): value for name, _, value in fields}, body)


def _complete(received: bytes, *, bodiless: bool) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    if not found or bodiless:
        return bool(found)
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(body) >= int(length) if length else body.endswith(b"0\r\n\r\n")


@pytest.mark.torture("A", "raw inputs: 2xx or 4xx, one error shape, no echo")
@pytest.mark.parametrize("name", INPUTS)
def test_any_bytes_get_a_2xx_or_a_4xx(name: str, running: Running) -> None:
    bodiless = INPUTS[name].startswith(b"HEAD ")
    reply = answer(running.port, INPUTS[name], bodiless=bodiless)
    assert 200 <= reply.status < 300 or 400 <= reply.status < 500, reply.status
    if reply.status >= 400:
        assert CANARY.encode() not in reply.body
        if not bodiless:
            refused(reply, what=name)
            assert json.loads(reply.body)["error"]["code"]
    assert running.target.get("/health").status == 200
