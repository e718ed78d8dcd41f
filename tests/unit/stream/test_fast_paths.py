"""Tests that the fast paths have the same results as the general code: the same bytes, the same refusals."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from competitor.core.model.chunk_fast_path import usual_chunk
from competitor.core.outbound.response import _whole_chunk
from competitor.core.stream.uvicorn_fast_path import FastPath
from competitor.core.stream.writer import BodyWriter


class Transport:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def is_closing(self) -> bool:
        return False


def cycle_of(transport: Transport) -> RequestResponseCycle:
    return RequestResponseCycle(
        scope={"type": "http", "method": "POST", "path": "/"},  # type: ignore[typeddict-item]
        transport=transport,  # type: ignore[arg-type]
        flow=FlowControl(transport),  # type: ignore[arg-type]
        logger=logging.getLogger("test"),
        access_logger=logging.getLogger("test"),
        access_log=False,
        default_headers=[],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=True,
        on_response=lambda: None,
    )


def way_around(cycle: RequestResponseCycle) -> FastPath:
    return FastPath(cast("Send", cycle.send))


async def streamed(write: Callable[[RequestResponseCycle, bytes], bool]) -> tuple[bytes, list[bool]]:
    transport = Transport()
    cycle = cycle_of(transport)
    await cycle.send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
    wrote = []
    for body in (b"one", b"x" * 70_000, b"\x00\r\n"):
        wrote.append(write(cycle, body))
        if not wrote[-1]:
            await cycle.send({"type": "http.response.body", "body": body, "more_body": True})
    await cycle.send({"type": "http.response.body", "body": b"last", "more_body": False})
    return transport.written, wrote


def test_bypassing_send_writes_the_same_bytes() -> None:
    """If this fails after an update of uvicorn, change `uvicorn_fast_path.py`; until then, streams use `send`."""
    short, took_it = asyncio.run(streamed(lambda cycle, body: way_around(cycle).write(body)))
    long, _ = asyncio.run(streamed(lambda cycle, body: False))
    assert took_it == [True, True, True]
    assert short == long


@pytest.mark.parametrize(
    ("name", "value"),
    [("disconnected", True), ("response_complete", True), ("response_started", False), ("chunked_encoding", False)],
)
def test_every_special_case_uses_send(name: str, value: bool) -> None:
    async def wrote() -> bool:
        cycle = cycle_of(Transport())
        await cycle.send({"type": "http.response.start", "status": 200, "headers": []})
        setattr(cycle, name, value)
        return way_around(cycle).write(b"x")

    assert asyncio.run(wrote()) is False


def test_a_client_that_does_not_read_is_served_through_send() -> None:
    async def wrote() -> bool:
        cycle = cycle_of(Transport())
        await cycle.send({"type": "http.response.start", "status": 200, "headers": []})
        cycle.flow.pause_writing()
        return way_around(cycle).write(b"x")

    assert asyncio.run(wrote()) is False


def test_another_server_s_send_is_used() -> None:
    sent: list[Any] = []

    async def run() -> None:
        async def send(message: object) -> None:
            sent.append(message)

        writer = BodyWriter(send)
        writer.write(b"one")
        await writer.end(b"two")

    asyncio.run(run())
    assert b"".join(message["body"] for message in sent) == b"onetwo"


def chunk(text: str, **delta: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text, **delta}, "logprobs": None, "finish_reason": None}
    return json.dumps({"id": "up", "model": 'a "content": model', "choices": [choice]}, ensure_ascii=False).encode()


@given(st.text(max_size=30), st.text(max_size=30))
def test_the_chunk_fast_path_has_the_parser_s_result_or_none(first: str, other: str) -> None:
    try:
        shape = usual_chunk(chunk(first), first)
        payload = chunk(other)
    except UnicodeEncodeError:
        return
    if shape is not None:
        assert shape.text(payload) in (None, other)


def test_plain_text_is_read_without_the_parser() -> None:
    shape = usual_chunk(chunk("hello"), "hello")
    assert shape is not None
    assert shape.text(chunk("Gr\u00fc\u00dfe \U0001f600")) == "Gr\u00fc\u00dfe \U0001f600"


@pytest.mark.parametrize("text", ['a"b', "a\\b", "a\nb", "a\x00b", "a\u2028b", "\x7f"])
def test_text_with_escapes_or_unusual_characters_is_parsed(text: str) -> None:
    shape = usual_chunk(chunk("hello"), "hello")
    assert shape is not None
    assert shape.text(chunk(text)) is None
    raw = chunk("hello").replace(b"hello", text.encode())  # unescaped, which is not valid JSON
    assert shape.text(raw) is None


@pytest.mark.parametrize(
    "payload",
    [chunk("x", role="assistant"), chunk("x", tool_calls=[]), chunk("x").replace(b"null}", b'"stop"}'), b"{}", b""],
)
def test_a_chunk_of_another_shape_is_parsed(payload: bytes) -> None:
    shape = usual_chunk(chunk("hello"), "hello")
    assert shape is not None
    assert shape.text(payload) is None


@given(st.binary(max_size=300))
def test_the_body_of_one_complete_chunk_is_extracted(body: bytes) -> None:
    found = _whole_chunk(b"%x\r\n%b\r\n" % (len(body), body))
    assert found == (body or (found if found is None else b""))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"5\r\nhell\r\n",
        b"5\r\nhello!\r\n",
        b"5\r\nhello",
        b"+5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"1_0\r\n0123456789abcdef\r\n",
        b"5;a=b\r\nhello\r\n",
        b"z\r\nhello\r\n",
        b"5\r\nhello\r\n5\r\nhello\r\n",
    ],
)
def test_anything_but_one_complete_chunk_is_left_to_the_parser(data: bytes) -> None:
    assert _whole_chunk(data) is None
