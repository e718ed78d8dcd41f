"""Tests the HTTP client with a small server that sends exactly the bytes that a test needs."""

import asyncio
import ssl
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trustme

from competitor.core.errors import UpstreamError
from competitor.core.limits import MAX_UNREAD_BYTES
from competitor.core.outbound.client import HttpClient
from competitor.core.outbound.egress import Egress
from competitor.core.outbound.response import Response

from ...template_path import contract_tests

measured_on_time = contract_tests("lateness").measured_on_time
Answer = Callable[[asyncio.StreamWriter, int], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


class Server:
    """Calls `answer(writer, number of the request)` for each request of each connection. Keeps the bytes it read."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.requests, self.connections = answer, [b""], 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                await self.answer(writer, len(self.requests) - 1)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def says(*parts: bytes, close: bool = False, pause: float = 0.0) -> Answer:
    async def answer(writer: asyncio.StreamWriter, _: int) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        if close:
            writer.close()

    return answer


async def with_server(answer: Answer, work: Callable[[HttpClient, str, Server], Awaitable[Any]], **options: Any) -> Any:
    server = Server(answer)
    listening = await asyncio.start_server(server, "127.0.0.1", 0, limit=2**20)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    client = HttpClient(Egress([url]), **{"connect_seconds": 60.0, "silence_seconds": 60.0, **options})
    try:
        return await work(client, url, server)
    finally:
        client.close()
        listening.close()


async def fetch(client: HttpClient, url: str, _: Server) -> tuple[int, bytes]:
    response = await client.open("POST", url, {"x-a": "b"}, b"body")
    try:
        return response.status, await response.read(10**6)
    finally:
        response.close()


@pytest.mark.parametrize(
    ("parts", "close"),
    [
        ([OK + b"content-length: 5\r\n\r\nhello"], False),
        ([OK + b"content-length: 5\r\n\r\n", b"he", b"llo"], False),
        ([OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"], False),
        ([OK + b"\r\nhello"], True),
        ([OK + b"connection: close\r\n\r\n", b"hello"], True),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"content-length: 5\r\n\r\nhello"], False),
        ([b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK + b"content-length: 5\r\n\r\nhello"], False),
        ([b"HTTP/1.0 200 OK\r\n\r\nhello"], True),
        ([OK + b"content-encoding: gzip\r\n\r\n" + zlib.compress(b"hello", wbits=31)], True),
        ([OK + b"content-encoding: deflate\r\n\r\n" + zlib.compress(b"hello")], True),
    ],
)
def test_the_body_is_read_with_every_framing(parts: list[bytes], close: bool) -> None:
    assert asyncio.run(with_server(says(*parts, close=close, pause=0.01), fetch)) == (200, b"hello")


def test_a_response_may_arrive_one_byte_at_a_time() -> None:
    data = OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    parts = [data[place : place + 1] for place in range(len(data))]
    assert asyncio.run(with_server(says(*parts), fetch)) == (200, b"hello")


@pytest.mark.parametrize(
    ("parts", "close", "kind"),
    [
        ([b"not http\r\n\r\n"], True, "not_openai"),
        ([b""], True, "broke_off"),
        ([OK], True, "broke_off"),
        ([OK + b"content-length: 50\r\n\r\nhello"], True, "broke_off"),
        ([OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhel"], True, "broke_off"),
        ([OK + b"transfer-encoding: chunked\r\n\r\nZZ\r\nhello"], True, "not_openai"),
        ([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"], True, "not_openai"),
        ([OK + b"x: " + b"y" * 70_000], False, "too_large"),
        ([OK + b"content-length: 2000000\r\n\r\n" + b"x" * 2_000_000], False, "too_large"),
        ([OK + b"content-encoding: br\r\ncontent-length: 1\r\n\r\nx"], False, "not_openai"),
        ([OK + b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello"], False, "not_openai"),
        ([OK + b"content-encoding: gzip\r\n\r\n" + zlib.compress(b"0" * 10**8, wbits=31)], True, "too_large"),
    ],
)
def test_every_fault_has_its_kind(parts: list[bytes], close: bool, kind: str) -> None:
    with pytest.raises(UpstreamError) as raised:
        asyncio.run(with_server(says(*parts, close=close), fetch))
    assert raised.value.kind == kind


def test_silence_has_a_limit_that_each_byte_resets() -> None:
    slow = says(OK + b"content-length: 4\r\n\r\n", b"a", b"b", b"c", b"d", pause=0.15)

    def fetched() -> Any:
        return asyncio.run(with_server(slow, fetch, silence_seconds=0.3))

    assert measured_on_time(fetched, failure=UpstreamError) == (200, b"abcd")
    with pytest.raises(UpstreamError, match="silent"):
        asyncio.run(with_server(says(b"", pause=2), fetch, silence_seconds=0.1))


def test_a_closed_port_and_a_host_that_is_not_listed_are_errors() -> None:
    async def go(url: str) -> None:
        await HttpClient(Egress(["http://127.0.0.1:9/"]), connect_seconds=1, silence_seconds=1).open("GET", url, {})

    for url, kind in (
        ("http://127.0.0.1:9/", "unreachable"),
        ("http://127.0.0.1:10/", "egress"),
        ("nonsense", "egress"),
    ):
        with pytest.raises(UpstreamError) as raised:
            asyncio.run(go(url))
        assert raised.value.kind == kind


def test_a_header_value_cannot_inject_another_header() -> None:
    async def work(client: HttpClient, url: str, server: Server) -> int:
        with pytest.raises(UpstreamError, match="egress"):
            await client.open("GET", url, {"authorization": "x\r\nhost: evil.example"})
        return len(server.requests)

    assert asyncio.run(with_server(says(b""), work)) == 1


def test_a_connection_is_reused_after_a_complete_response() -> None:
    async def work(client: HttpClient, url: str, server: Server) -> int:
        for _ in range(5):
            await fetch(client, url, server)
        return server.connections

    assert asyncio.run(with_server(says(OK + b"content-length: 5\r\n\r\nhello"), work)) == 1


def test_a_connection_is_not_reused_when_the_server_or_the_response_forbids_it() -> None:
    async def work(client: HttpClient, url: str, server: Server) -> int:
        for _ in range(3):
            await fetch(client, url, server)
        return server.connections

    assert asyncio.run(with_server(says(OK + b"connection: close\r\ncontent-length: 0\r\n\r\n"), work)) == 3


def test_a_connection_that_was_closed_while_idle_is_replaced_without_an_error() -> None:
    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 2:
            writer.transport.abort()
        else:
            writer.write(OK + b"content-length: 5\r\n\r\nhello")

    async def work(client: HttpClient, url: str, server: Server) -> tuple[Any, int]:
        await fetch(client, url, server)
        return await fetch(client, url, server), server.connections

    assert asyncio.run(with_server(answer, work)) == ((200, b"hello"), 2)


def test_a_new_connection_that_breaks_is_an_error() -> None:
    """The client does not retry here. Its caller counts the attempts and decides whether to retry."""

    async def work(client: HttpClient, url: str, server: Server) -> int:
        with pytest.raises(UpstreamError, match="broke_off"):
            await fetch(client, url, server)
        return server.connections

    assert asyncio.run(with_server(says(b"", close=True), work)) == 1


def test_leaving_early_closes_the_connection() -> None:
    async def work(client: HttpClient, url: str, server: Server) -> tuple[int, int]:
        response = await client.open("GET", url, {})
        response.close()
        await fetch(client, url, server)
        return response.status, server.connections

    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(OK + (b"content-length: 9\r\n\r\nhe" if number == 1 else b"content-length: 0\r\n\r\n"))

    assert asyncio.run(with_server(answer, work)) == (200, 2)


def test_a_connection_is_reused_when_the_body_ends_just_after_the_last_event() -> None:
    async def answer(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await asyncio.sleep(0.05)
        writer.write(b"0\r\n\r\n")

    async def once(client: HttpClient, url: str) -> bytes:
        response = await client.open("GET", url, {})
        got = bytearray()

        def read(data: bytes) -> None:
            got.extend(data)
            response.stop()

        response.start(read)
        await response.ended
        response.close(finished=True)
        await asyncio.sleep(0.1)
        return bytes(got)

    async def work(client: HttpClient, url: str, server: Server) -> tuple[list[bytes], int]:
        return [await once(client, url) for _ in range(3)], server.connections

    def all_by_one_connection() -> None:
        assert asyncio.run(with_server(answer, work)) == ([b"hello"] * 3, 1)

    measured_on_time(all_by_one_connection)


def test_a_body_that_is_not_read_stays_in_the_socket() -> None:
    async def answer(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(OK + b"content-length: 20000000\r\n\r\n")
        writer.write(b"x" * 20_000_000)
        await writer.drain()

    async def work(client: HttpClient, url: str, server: Server) -> tuple[int, int]:
        response: Response = await client.open("GET", url, {})
        await asyncio.sleep(0.3)
        held = sum(map(len, response._parts))
        size = len(await response.read(30_000_000))
        response.close()
        return held, size

    held, size = asyncio.run(with_server(answer, work))
    assert held < MAX_UNREAD_BYTES * 8
    assert size == 20_000_000


def test_pause_stops_reading_and_resume_continues() -> None:
    async def answer(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(OK + b"content-length: 8000000\r\n\r\n" + b"x" * 8_000_000)
        await writer.drain()

    async def work(client: HttpClient, url: str, server: Server) -> tuple[int, int]:
        response = await client.open("GET", url, {})
        got = 0

        def read(data: bytes) -> None:
            nonlocal got
            if not got:
                response.pause()
            got += len(data)

        response.start(read)
        await asyncio.sleep(0.2)
        held = got
        response.resume()
        await response.ended
        response.close()
        return held, got

    held, got = asyncio.run(with_server(answer, work))
    assert held < 1_000_000
    assert got == 8_000_000


def test_a_reader_s_own_error_ends_the_exchange() -> None:
    async def work(client: HttpClient, url: str, server: Server) -> None:
        response = await client.open("GET", url, {})

        def read(_: bytes) -> None:
            raise LookupError("mine")

        response.start(read)
        try:
            await response.ended
        finally:
            response.close()

    with pytest.raises(LookupError, match="mine"):
        asyncio.run(with_server(says(OK + b"content-length: 5\r\n\r\nhello"), work))


def test_cancellation_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter, _: int) -> None:
        await writer.wait_closed()

    async def work(client: HttpClient, url: str, server: Server) -> bool:
        opening = asyncio.create_task(client.open("GET", url, {}))
        await asyncio.sleep(0.1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await asyncio.sleep(0.1)
        return all(
            task.done() or task is asyncio.current_task() or "Server" in repr(task) for task in asyncio.all_tasks()
        )

    assert asyncio.run(with_server(answer, work))
    assert not closed.is_set()


class Tls:
    """A server with a certificate for `localhost`, from an authority that only some clients trust."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert("localhost").configure_cert(self.context)


@pytest.mark.parametrize(
    ("host", "trusted", "kind"),
    [("localhost", True, ""), ("localhost", False, "unreachable"), ("127.0.0.1", True, "unreachable")],
)
def test_certificates_are_checked(
    host: str, trusted: bool, kind: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = Tls()
    tls.authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def go() -> tuple[int, bytes]:
        server = Server(says(OK + b"content-length: 5\r\n\r\nhello"))
        listening = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls.context)
        url = f"https://{host}:{listening.sockets[0].getsockname()[1]}/v1"
        client = HttpClient(Egress([url]), connect_seconds=60, silence_seconds=60)
        try:
            return await fetch(client, url, server)
        finally:
            client.close()
            listening.close()

    if kind:
        with pytest.raises(UpstreamError) as raised:
            asyncio.run(go())
        assert raised.value.kind == kind
        assert "certificate" in raised.value.detail.lower()
    else:
        assert asyncio.run(go()) == (200, b"hello")
