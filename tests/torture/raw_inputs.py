"""Raw bytes that clients may send to a server, each with a name. None may be answered with a 5xx."""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

from competitor.core.request.schema import ChatRequest

CHAT = "/v1/chat/completions"
CANARY = "canary-7f3a9c51d2"
GOOD: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
BODY = json.dumps(GOOD).encode()


def request(body: bytes, *fields: str, start: str = f"POST {CHAT} HTTP/1.1", framed: bool = True) -> bytes:
    lines = [start, "host: x", *fields]
    if framed:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def with_fields(**fields: Any) -> bytes:
    return request(json.dumps({**GOOD, **fields}).encode())


def literal(field: str, value: bytes) -> bytes:
    """The correct body with one more field, whose value is inserted as raw bytes."""
    return request(BODY[:-1] + b', "%b": %b}' % (field.encode(), value))


def encodings() -> Iterator[tuple[str, bytes]]:
    text = json.dumps({**GOOD, "user": CANARY})
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-7", "cp037", "utf-8-sig"):
        yield name, request(text.encode(name))
    for name, wrong in {
        "latin-1": b"\xe9", "a single continuation byte": b"\x80", "an overlong slash": b"\xc0\xaf", "half a character": b"\xf0\x9f",
        "beyond Unicode": b"\xf4\x90\x80\x80", "a surrogate in UTF-8": b"\xed\xa0\x80", "FF FE": b"\xff\xfe", "NUL": b"\0",
        "a control character": b"\x1f", "an invalid escape": b"\\x41", "half an escape": b"\\u12", "DEL": b"\x7f",
    }.items():  # fmt: skip
        yield name, literal("user", b'"' + CANARY.encode() + wrong + b'"')
    yield "no body", request(b"")
    yield "blank space", request(b"  \r\n\t ")
    yield "a megabyte of blank space", request(b" " * 2**20 + BODY)
    yield "text after the object", request(BODY + b"{}")
    yield "binary", request(bytes(range(256)) * 16)


NUMBERS = [
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"9" * 5000, b"-" + b"9" * 5000, b"1e-400", b"-0", b"00",
    b"0x10", b"1_000", b"+1", b".5", b"5.", b"1e", b"--1", b"1e309", b"123456789012345678901234567890",
]  # fmt: skip


def numbers() -> Iterator[tuple[str, bytes]]:
    for field in ("temperature", "max_tokens", "seed", "top_p"):
        for value in NUMBERS:
            yield f"{field} {value[:12].decode()} of {len(value)}", literal(field, value)
    yield "NaN deep inside", literal("metadata", b'{"a": [{"b": NaN}]}')
    yield "a number as the body", request(b"9" * 5000)


def surrogates() -> Iterator[tuple[str, bytes]]:
    tool = {"type": "function", "function": {"name": "@", "description": "@", "parameters": {"@": "@"}}}
    places: dict[str, Any] = {
        "model": {"model": "@"},
        "content": {"messages": [{"role": "user", "content": "@"}]},
        "role": {"messages": [{"role": "@", "content": "x"}]},
        "name": {"messages": [{"role": "user", "content": "x", "name": "@"}]},
        "a part": {"messages": [{"role": "user", "content": [{"type": "text", "text": "@"}]}]},
        "a type": {"messages": [{"role": "user", "content": [{"type": "@"}]}]},
        "an image": {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:@"}}]}]},
        "a file": {"messages": [{"role": "user", "content": [{"type": "file", "file": {"name": "@", "content": "@"}}]}]},
        "a call": {"messages": [{"role": "tool", "content": "x", "tool_call_id": "@"}]},
        "a tool": {"tools": [tool]},
        "user": {"user": "@"},
        "stop": {"stop": ["@"]},
        "metadata": {"metadata": {"@": "@"}},
        "token": {"chutes_access_token": "@"},
        "an unknown field": {"@": "@"},
    }  # fmt: skip
    for place, fields in places.items():
        for half in ("\\ud83d", "\\udc00", "\\udc00\\ud83d"):
            body = json.dumps({**GOOD, **fields}).replace("@", CANARY + half)
            yield f"{half} in {place}", request(body.encode())


def shapes() -> Iterator[tuple[str, bytes]]:
    for depth in (65, 100, 127, 128, 129, 500, 1000, 10_000, 100_000):
        yield f"{depth} lists", literal("metadata", b'{"a": ' + b"[" * depth + b"]" * depth + b"}")
        yield f"{depth} objects", literal("metadata", b'{"a":' * depth + b"1" + b"}" * depth)
        yield f"{depth} lists that do not end", request(b"[" * depth)
    for key in (b'"model": "n"', b'"messages": []', b'"stream": true', b'"temperature": "x"'):
        yield f"twice {key.decode()}", request(BODY[:-1] + b", " + key + b"}")
    for field in sorted(ChatRequest.model_fields):
        for value in (True, 5, CANARY, [CANARY], {CANARY: CANARY}):
            yield f"{field} is {json.dumps(value)[:12]}", with_fields(**{field: value})
    given: Any
    for given in ([], [None], ["x"], [[]], [{}], {}, None, CANARY, 5):
        yield f"messages {json.dumps(given)[:12]}", with_fields(messages=given)
    yield "a hundred thousand messages", with_fields(messages=GOOD["messages"] * 100_000)
    yield "a hundred thousand wrong messages", with_fields(messages=[5] * 100_000)
    yield "a hundred thousand tools", with_fields(tools=[{"type": "function", "function": {"name": "a"}}] * 100_000)
    yield "a hundred thousand fields", request(json.dumps({**GOOD, **{f"f{n}": n for n in range(100_000)}}).encode())
    yield "a name of 2 MB", request(json.dumps({**GOOD, CANARY * 120_000: 5}).encode())
    yield "a wrong value of 2 MB", with_fields(temperature=CANARY * 120_000)
    yield "a role of 2 MB", with_fields(messages=[{"role": CANARY * 120_000, "content": "x"}])
    yield "a model of 2 MB", with_fields(model=CANARY * 120_000)
    yield "11 MB", request(b'{"model": "' + b"x" * 11 * 2**20 + b'"}')


def heads() -> Iterator[tuple[str, bytes]]:
    health = "GET /health HTTP/1.1"
    for size in (16_384, 65_536, 200_000, 1_000_000, 10_000_000):
        yield f"a header of {size}", request(b"", f"x: {'y' * size}", start=health)
        yield f"a path of {size}", request(b"", start=f"GET /{'y' * size} HTTP/1.1")
    for number in (150, 500, 5000):
        yield f"{number} headers", request(b"", *["x: y"] * number, start=health)
    for name, field in {
        "no colon": "nonsense", "no name": ": x", "a blank in the name": "a b: x", "a folded line": "a: b\r\n c: d",
        "NUL in a header": "a: b\0c", "a bare CR": "a: b\rc: d", "Latin-1 in a header": "a: \xe9", "no value": "a:",
        "brackets in the name": "a[0]: x", "a very long name": "n" * 10_000 + ": x", "a tab before the colon": "a\t: x",
        "an id that splits": "x-request-id: a%0d%0aset-cookie: b", "an id of markup": "x-request-id: <script>" + CANARY,
        "an id of 9000": "x-request-id: " + "i" * 9000, "two ids": "x-request-id: a\r\nx-request-id: b",
        "an upgrade to h2c": "connection: upgrade, http2-settings\r\nupgrade: h2c", "a cookie of 8000": "cookie: " + "c" * 8000,
        "a websocket": "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: eA==\r\nsec-websocket-version: 13",
        "an unknown expectation": "expect: miracles", "a range": "range: bytes=0-18446744073709551616",
        "two hosts": "host: y", "a host with a path": "host: x/../y", "an accept of nonsense": "accept: ;;;q=x",
    }.items():  # fmt: skip
        yield name, request(b"", field, start=health)
    for host in ("", " ", "a b", "evil.example/..", "[::1", "x:99999", "x:y", "\xe9", "@", "h" * 9000, "\x7f"):
        text = f"{health}\r\nhost: {host}\r\n\r\n"
        yield f"host {host[:12]!r}", text.encode("latin-1")
    yield "no host", b"GET /health HTTP/1.1\r\n\r\n"


def lines() -> Iterator[tuple[str, bytes]]:
    for line in (
        "GET", "GET /", "get /health HTTP/1.1", "GET  /health HTTP/1.1", "GET /health HTTP/1.1 x", "GET /health HTTP/9.9",
        "GET /health HTTP/1.0", "GET /health HTTP/0.9", "GET /health HTTP/2.0", "GET /health http/1.1", "GET /health",
        "PRI * HTTP/2.0", "OPTIONS * HTTP/1.1", "CONNECT evil.example:443 HTTP/1.1", "TRACE /health HTTP/1.1",
        "BREW /pot HTTP/1.1", "A" * 10_000 + " / HTTP/1.1", "GET http://evil.example/health HTTP/1.1", "GET //health HTTP/1.1",
        "GET /health%00 HTTP/1.1", "GET /%ff%fe HTTP/1.1", "GET /%zz HTTP/1.1", "GET /../../etc/passwd HTTP/1.1", "GET \\ HTTP/1.1",
        "GET /health?%00=\x01 HTTP/1.1", "GET /health#x HTTP/1.1", "GET ? HTTP/1.1", "GET /\xe9 HTTP/1.1", f"GET /{CANARY} HTTP/1.1",
        f"GET {CHAT}/ HTTP/1.1", f"POST {CHAT}/ HTTP/1.1", f"POST {CHAT}?a=b HTTP/1.1", f"POST /{CHAT} HTTP/1.1",
    ):  # fmt: skip
        yield f"line {line[:24]!r}", request(b"", start=line)
    for path in ("/health", "/v1/models", "/metrics", CHAT, "/artifacts/a/b", "/debug", "/docs"):
        for method in ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            yield f"{method} {path}", request(b"", start=f"{method} {path} HTTP/1.1")
    hello = bytes.fromhex("16030100c4010000c00303") + b"\x11" * 190
    yield "a TLS hello", hello
    yield "SSH", b"SSH-2.0-OpenSSH_9.9\r\n"
    yield "only line ends", b"\r\n" * 5000
    yield "only NUL", b"\0" * 5000
    yield "an HTTP response", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    yield "a head that does not end", b"GET /health HTTP/1.1\r\nhost: x\r\n"


def bodies() -> Iterator[tuple[str, bytes]]:
    for value in ("-1", "+5", "0x10", "1e3", "5, 6", "", "99999999999999999999", " 5 5", "abc"):
        fields = (f"content-length: {value}",)
        yield f"length {value!r}", request(BODY, *fields, framed=False)
    yield "two lengths", request(BODY, f"content-length: {len(BODY)}", "content-length: 5", framed=False)
    yield "a length too large", request(BODY, f"content-length: {len(BODY) + 50}", framed=False)
    yield "a length too small", request(BODY, "content-length: 9", framed=False)
    yield "length and chunks", request(b"0\r\n\r\n", "transfer-encoding: chunked", "content-length: 5", framed=False)
    for coding in (
        "gzip",
        "identity",
        "chunked, chunked",
        "chunked, gzip",
        "xchunked",
        "",
        "chunked;q=1",
        "\x0bchunked",
    ):
        fields = (f"transfer-encoding: {coding}",)
        yield f"coding {coding!r}", request(b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), *fields, framed=False)
    chunks: dict[str, bytes] = {
        "no size": b"\r\nx\r\n", "size ZZ": b"ZZ\r\nx\r\n", "a negative size": b"-1\r\nx\r\n", "a huge size": b"f" * 17 + b"\r\nx\r\n",
        "0x": b"0x5\r\nhello\r\n", "no line end after a chunk": b"1\r\nxx0\r\n\r\n", "an extension of 1 MB": b"1;" + b"e" * 10**6 + b"\r\nx\r\n",
        "trailers": b"%x\r\n%b\r\n0\r\nx: y\r\n\r\n" % (len(BODY), BODY), "trailers of 1 MB": b"0\r\nx: " + b"y" * 10**6 + b"\r\n\r\n",
        "only LF": b"%x\n%b\n0\n\n" % (len(BODY), BODY), "chunks of one byte": b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n",
        "chunks that do not end": b"5\r\nhello\r\n", "a size with blanks": b" 5 \r\nhello\r\n0\r\n\r\n",
    }  # fmt: skip
    for name, body in chunks.items():
        yield f"chunks: {name}", request(body, "transfer-encoding: chunked", framed=False)
    for kind in (
        "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "",
        "application/json; charset=utf-16", "application/json, text/plain", "json", "application/json\x0b", "*/*", "text/json",
    ):  # fmt: skip
        yield f"type {kind!r}", request(BODY, f"content-type: {kind}")
    bomb = gzip.compress(b"0" * 10**8)
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x-" + CANARY):
        yield f"compressed by {coding}", request(bomb, f"content-encoding: {coding}", "content-type: application/json")
    yield "a gzip bomb without a content-encoding", request(bomb)
    yield "expects 100-continue", request(BODY, "expect: 100-continue")
    yield (
        "expects 100-continue, for a body that is too large",
        request(b"", "expect: 100-continue", "content-length: 99999999", framed=False),
    )


FAMILIES: tuple[Callable[[], Iterator[tuple[str, bytes]]], ...] = (
    encodings, numbers, surrogates, shapes, heads, lines, bodies
)  # fmt: skip


def inputs() -> dict[str, bytes]:
    """Maps the name of each input to the bytes to send."""
    return {f"{family.__name__}: {name}": data for family in FAMILIES for name, data in family()}
