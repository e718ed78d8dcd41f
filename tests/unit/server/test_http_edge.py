"""Tests requests with an `Upgrade`, with trailers and with chunk extensions, however their bytes arrive (N4)."""

import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from competitor.core.limits import MAX_REQUEST_HEAD_BYTES

from ...scripted import SCRIPTED
from ...template_path import UNBAKED, contract_tests

processes = contract_tests("processes")
BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
LENGTH = b"content-length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
LAST = b"connection: close\r\n"
UPGRADE = b"connection: close, upgrade\r\nupgrade: h2c\r\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    launcher = processes.Launcher(cwd=UNBAKED)
    try:
        yield launcher({}, *SCRIPTED).url
    finally:
        launcher.close()


def head(*fields: bytes) -> bytes:
    first = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return first + b"".join(fields)


def chunked(*trailers: bytes, extension: bytes = b"") -> bytes:
    return b"%x%b\r\n%b\r\n0\r\n%b\r\n" % (len(BODY), extension, BODY, b"".join(trailers))


def statuses(url: str, *parts: bytes, pause: float = 0.05) -> list[bytes]:
    """Sends the parts one after the other. Returns the statuses of all responses."""
    where = urlsplit(url)
    answer = b""
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:  # refused before all was sent
                break
            time.sleep(pause)
        try:
            while read := connection.recv(65536):
                answer += read
        except ConnectionError:
            pass
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)


@pytest.mark.parametrize("name", [b"h2c", b"websocket", b"TLS/1.2"])
@pytest.mark.parametrize("body", [LENGTH + BODY, CHUNKED + chunked()], ids=["length", "chunked"])
@pytest.mark.parametrize("split", ["whole", "after the head", "in the head", "byte by byte"])
def test_an_upgrade_is_ignored(name: bytes, body: bytes, split: str, url: str) -> None:
    request = head(UPGRADE.replace(b"h2c", name), body)
    end = request.index(b"\r\n\r\n")
    parts = {
        "whole": [request],
        "after the head": [request[: end + 4], request[end + 4 :]],
        "in the head": [request[: end - 20], request[end - 20 :]],
        "byte by byte": [request[place : place + 1] for place in range(len(request))],
    }[split]
    assert statuses(url, *parts, pause=0.001 if split == "byte by byte" else 0.05) == [b"200"]


def test_after_an_ignored_upgrade_the_connection_goes_on(url: str) -> None:
    kept = head(b"connection: upgrade\r\nupgrade: h2c\r\n", LENGTH, BODY)
    assert statuses(url, kept + kept + head(LAST, LENGTH, BODY)) == [b"200", b"200", b"200"]


def test_connect_is_refused(url: str) -> None:
    assert statuses(url, b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com\r\n\r\n")[:1] == [b"400"]


@pytest.mark.parametrize(
    "body",
    [
        chunked(b"x: " + b"y" * 2 * MAX_REQUEST_HEAD_BYTES + b"\r\n"),
        chunked(b"x: y\r\n" * 20_000),
        chunked(extension=b";x=" + b"y" * 2 * MAX_REQUEST_HEAD_BYTES),
        b"".join(b"1;%b\r\n%b\r\n" % (b"x" * 5_000, bytes([byte])) for byte in BODY) + b"0\r\n\r\n",
    ],
    ids=["a large trailer", "many trailers", "a large extension", "many extensions"],
)
@pytest.mark.parametrize("together", [True, False])
def test_large_trailers_and_extensions_are_refused(body: bytes, together: bool, url: str) -> None:
    first = head(LAST, CHUNKED)
    pieces = [body[place : place + 30_000] for place in range(0, len(body), 30_000)]
    parts = [first + body] if together else [first, *pieces]
    assert statuses(url, *parts)[:1] == [b"431"]


def test_a_trailer_is_no_header_field(url: str) -> None:
    trailer = chunked(b"x-request-id: from-a-trailer\r\n")
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(head(LAST, CHUNKED) + trailer)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"from-a-trailer" not in answer


def test_usual_chunks_and_trailers_are_accepted(url: str) -> None:
    single = b"".join(b"1\r\n%b\r\n" % bytes([byte]) for byte in BODY + b" " * 20_000) + b"0\r\n\r\n"
    for body in (chunked(b"x: y\r\n"), chunked(extension=b";a=b"), single):
        assert statuses(url, head(LAST, CHUNKED) + body) == [b"200"]
