"""An upstream with faults, as a separate process. The last user message names the fault.

    python faulty_upstream.py CERTIFICATE     prints its two ports; the second one speaks TLS

`fault: NAME` at the end of the message is a key of `FAULTS`. `GET /stats` shows how many requests are being answered.
"""

import asyncio
import contextlib
import email.utils
import json
import socket
import ssl
import struct
import sys
import time
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

SECRET = "sk-secret-of-the-upstream"
EVENTS = "text/event-stream"
stats = {"open": 0, "elsewhere": 0}


@dataclass
class Peer:
    writer: asyncio.StreamWriter

    async def say(self, *parts: bytes, pause: float = 0.0) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(pause)

    def reset(self) -> None:
        """Resets the connection with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Fault = Callable[[Peer], Coroutine[Any, Any, None]]
FAULTS: dict[str, Fault] = {}


def head(status: str = "200 OK", kind: str = EVENTS, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"content-type: {kind}", *fields, "", ""]).encode()


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def data(payload: Any, end: bytes = b"\n\n") -> bytes:
    return b"data: " + (payload if isinstance(payload, bytes) else json.dumps(payload).encode()) + end


def said(text: Any, **more: Any) -> bytes:
    return data({"choices": [{"index": 0, "delta": {"content": text}, **more}]})


STREAM = head("200 OK", EVENTS, "transfer-encoding: chunked")
HELLO, STOP = said("Hello "), data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
DONE, LAST = data(b"[DONE]"), b"0\r\n\r\n"
GOOD = STREAM + chunked(HELLO, STOP, DONE) + LAST


def fault(name: str) -> Callable[[Fault], Fault]:
    def add(play: Fault) -> Fault:
        FAULTS[name] = play
        return play

    return add


def says(name: str, *parts: bytes, pause: float = 0.0, end: str = "close") -> None:
    """Defines a fault that sends fixed bytes, and then closes or resets the connection, or keeps it open for ever."""

    async def play(peer: Peer) -> None:
        await peer.say(*parts, pause=pause)
        if end == "reset":
            peer.reset()
        elif end == "hang":
            await asyncio.Event().wait()
        else:
            peer.writer.close()

    FAULTS[name] = play


def whole(status: str, body: Any, *fields: str, kind: str = "application/json") -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head(status, kind, f"content-length: {len(text)}", *fields) + text


def refusal(status: str, *fields: str) -> bytes:
    return whole(status, {"error": {"message": f"no: {SECRET}", "code": status[:3]}}, *fields)


PAGE = f"<html><body>{SECRET}</body></html>".encode()
says("none", GOOD)
says("resets before the head", end="reset")
says("resets in the head", b"HTTP/1.1 200 OK\r\ncontent-ty", end="reset")
says("closes before the head")
says("resets in the middle of a chunk", STREAM + chunked(HELLO) + b"40\r\ndata: {", pause=0.05, end="reset")
says("closes in the middle of a chunk", STREAM + chunked(HELLO) + b"40\r\ndata: {")
says("resets between events", STREAM + chunked(HELLO), pause=0.05, end="reset")
says("ends without a finish reason and [DONE]", STREAM + chunked(HELLO) + LAST)
says("400", refusal("400 Bad Request"))
says("401", refusal("401 Unauthorized"))
says("403", refusal("403 Forbidden"))
says("404", refusal("404 Not Found"))
says("429, try again at once", refusal("429 Too Many Requests", "retry-after: 0"))
says("429, try again in an hour", refusal("429 Too Many Requests", "retry-after: 3600"))
says("429, try again some time", refusal("429 Too Many Requests", "retry-after: soon"))
says("500", refusal("500 Internal Server Error"))
says("502 with a page", whole("502 Bad Gateway", PAGE, kind="text/html"))
says("503 with a date", refusal("503 Service Unavailable", f"retry-after: {email.utils.formatdate(time.time() - 5)}"))
says("529", refusal("529 Overloaded"))
says("200 with a page", whole("200 OK", PAGE, kind="text/html"))
says("200 and nothing", whole("200 OK", b"", kind=EVENTS))
says("200 and an error object", whole("200 OK", {"error": {"message": SECRET}}))
says("a line that is not JSON", STREAM + chunked(HELLO, data(b"{nonsense"), STOP, DONE) + LAST)
says("a line of 10 MB", STREAM + chunked(said("y" * 10_000_000), STOP, DONE) + LAST)
says("an event of 20 MB without an end", STREAM + chunked(b"data: " + b"y" * 20_000_000) + LAST)
says("characters cut in two", STREAM, *(chunked(bytes([byte])) for byte in said("\u00e9\U0001f600")[:90]), LAST)
says("bytes that are not UTF-8", STREAM + chunked(HELLO, b"data: \xff\xfe\n\n", STOP, DONE) + LAST)
says("CR LF", STREAM + chunked(*(part.replace(b"\n", b"\r\n") for part in (HELLO, STOP, DONE))) + LAST)
says("only CR", STREAM + chunked(*(part.replace(b"\n", b"\r") for part in (HELLO, STOP, DONE))) + LAST)
says("chunks of one byte", STREAM, *(chunked(bytes([byte])) for byte in HELLO + STOP + DONE), LAST)
says("silent from the start", end="hang")
says("silent in the head", b"HTTP/1.1 200 OK\r\n", end="hang")
says("silent in the middle", STREAM + chunked(HELLO), end="hang")
says("an error object in the stream", STREAM + chunked(HELLO, data({"error": {"message": SECRET}}), DONE) + LAST)
says("values of wrong types", STREAM + chunked(HELLO, data({"choices": {"x": 5}, "usage": [1]}), STOP, DONE) + LAST)
says("text that is a number", STREAM + chunked(HELLO, said(5), STOP, DONE) + LAST)
says("a tool call without a name", STREAM + chunked(data({"choices": [{"delta": {"tool_calls": [{"index": []}]}}]})))
says("nonsensical usage", STREAM + chunked(HELLO, data(b'{"usage": {"prompt_tokens": NaN, "completion_tokens": -5}}'), STOP, DONE) + LAST)  # fmt: skip
says("JSON nested 100,000 deep", STREAM + chunked(data(b"[" * 100_000), STOP, DONE) + LAST)
says("only [DONE]", STREAM + chunked(DONE) + LAST)
says("a redirect", head("302 Found", "text/plain", "location: /elsewhere", "content-length: 0"))
says("a redirect that keeps the method", head("307 Temporary Redirect", "text/plain", "location: /elsewhere", "content-length: 0"))  # fmt: skip
says("not HTTP", b"SSH-2.0-OpenSSH_9.9\r\n", end="hang")
says("a head of 1 MB", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1_000_000)
says("a bad chunk size", STREAM + chunked(HELLO) + b"ZZ\r\n")
says("less than it declared", head("200 OK", EVENTS, "content-length: 5000") + HELLO)
says("a gzip bomb", head("200 OK", EVENTS, "content-encoding: gzip") + zlib.compress(b"0" * 10**8, wbits=31))
says("an encoding nobody asked for", head("200 OK", EVENTS, "content-encoding: br") + b"\x0b\x02\x80")


@fault("endless text")
async def endless_text(peer: Peer) -> None:
    await peer.say(STREAM)
    while True:
        await peer.say(chunked(said("and so on ") * 50))


@fault("endless comments")
async def endless_comments(peer: Peer) -> None:
    await peer.say(STREAM)
    while True:
        await peer.say(chunked(b": ping\n\n"), pause=0.05)


@fault("endless empty events")
async def endless_empty_events(peer: Peer) -> None:
    await peer.say(STREAM)
    while True:
        await peer.say(chunked(said("")), pause=0.01)


def named(body: Any) -> str:
    """The name of the fault that the last user message asks for."""
    texts = [message.get("content") for message in body["messages"] if message.get("role") == "user"]
    found = json.dumps(texts[-1]).rpartition("fault: ")[2]
    return found.partition('"')[0]


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while not writer.is_closing():
            top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = int(top.lower().partition("content-length: ")[2].partition("\r\n")[0] or 0)
            body = await reader.readexactly(length)
            if top.startswith("GET /stats"):
                writer.write(whole("200 OK", stats))
                await writer.drain()
                continue
            stats["elsewhere"] += "/elsewhere" in top.partition("\r\n")[0]
            answering = asyncio.create_task(FAULTS[named(json.loads(body))](Peer(writer)))
            gone = asyncio.create_task(reader.read(1))
            stats["open"] += 1
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            stats["open"] -= 1
            answering.cancel()
            gone.cancel()
            await asyncio.wait({answering, gone})
            break
    writer.close()


async def main(certificate: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    plain = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**24)
    secure = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**24, ssl=context)
    print(plain.sockets[0].getsockname()[1], secure.sockets[0].getsockname()[1], flush=True)
    await plain.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1]))
