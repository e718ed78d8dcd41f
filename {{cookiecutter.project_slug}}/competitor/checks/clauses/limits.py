"""Cases of section 7 of CONTRACT.md: the start time, concurrent requests, and the sizes of requests."""
# Contract file: replaced by updates.

import http.client
import select
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Semaphore
from urllib.parse import urlsplit

from ..recording import at_once, recorded
from ..registry import Source, case, clause
from ..responses import CHAT, Failed, NotShown, Reply, Stream, Unanswered, judged_by, require, require_in_time
from ..sources.answers import refused, require_good_answer
from ..target import Target, question
from .stream import check_completed

READY_SECONDS = 30.0
CONCURRENT_REQUESTS = 2
MIN_PIECE_BYTES, MAX_PIECES, PIECE_SECONDS = 8192, 20, 0.1
START_SECONDS = 2.0  # until the first event of each stream
LONG = "Write a text of 60 words about rivers."
MAX_BODY_BYTES, MAX_VALUES = 10 * 2**20, 200_000
MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 200

clause(
    "N1",
    "The server is healthy within 30 s of its start.",
    remedy="Listen first and load everything else in the background: be healthy within 30 s of the start.",
)


def _started(target: Target) -> Iterator[tuple[str, tuple[Reply, float]]]:
    started = target.launched({})
    yield "", (started.get("/health"), started.ready_seconds)


@case("N1/1", _started)
def ready_in_time(given: tuple[Reply, float]) -> None:
    """The server is healthy within 30 s of its start."""
    health, seconds = given
    require(health.status == 200 and "ok" in health.text, "a newly started server is not healthy")
    require(seconds > 0, "it is not known how long the start took")
    require_in_time(seconds, READY_SECONDS, f"the server became healthy only {seconds:.0f} s after its start")


clause(
    "N2",
    "Two concurrent requests are both answered, and neither waits for the other to end.",
    remedy="Answer requests concurrently; a request that waits must not delay another.",
)


def _prompt(target: Target) -> str:
    return target.prompts.get("silence_first", LONG)


def _at_once(target: Target) -> Iterator[tuple[str, Stream]]:
    ask = partial(target.read_stream, question(_prompt(target), stream=True))
    for stream in at_once([ask] * CONCURRENT_REQUESTS):
        yield f"one of {CONCURRENT_REQUESTS} concurrent streams", stream


@case("N2/1", _at_once)
def several_at_once(stream: Stream) -> None:
    """Two concurrent streams are both answered, and the first event of each comes within 2 s."""
    judged_by("E1/3", stream.status == 200)
    check_completed(stream, "it")
    require(stream.deltas, "it has no delta")
    at = stream.data[0][0]
    require_in_time(at, START_SECONDS, f"its first event came after {at:.1f} s")


def _words_at_once(target: Target) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """When the content of each of two concurrent streams began and ended, in seconds of one clock."""
    prompt = target.prompts.get("steady", LONG)
    ask = partial(target.read_stream, question(prompt, stream=True))
    spans = []
    for stream in at_once([ask] * CONCURRENT_REQUESTS):
        times = [stream.sent + at for at, delta in stream.deltas if delta.get("content")]
        if len(times) > 1 and times[-1] - times[0] > 0.2:  # else it ended before the other could begin
            spans.append((times[0], times[-1]))
    if len(spans) == CONCURRENT_REQUESTS:
        yield "", spans


@case("N2/2", _words_at_once, timed=True, remedy="Do not answer one request after the other.")
def not_one_after_the_other(spans: list[tuple[float, float]]) -> None:
    """The texts of two concurrent streams come at the same time, not one after the other."""
    (one_from, one_to), (two_from, two_to) = spans
    overlap = max(one_from, two_from) < min(one_to, two_to)
    require(overlap, "the content of one of two concurrent streams came only after the other had ended")


def _health_meanwhile(target: Target) -> Iterator[tuple[str, Reply]]:
    # Other cases ask `target` at the same time, so a server of its own is better, if one can be started.
    server = target.launched(target.upstream_variables, fresh=True) if target.launch is not None else target
    if (before := server.get("/health")).status != 200 or "ok" not in before.text:  # E2 says so
        raise NotShown("GET /health does not answer even before")
    begun = Semaphore(0)
    ask = partial(server.read_stream, question(_prompt(target), stream=True), on_line=lambda line: begun.release())
    with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
        streams = [pool.submit(ask) for _ in range(CONCURRENT_REQUESTS)]
        for _ in streams:
            begun.acquire(timeout=START_SECONDS)
        health = server.get("/health")
        for stream in streams:
            stream.result()
    yield "", health


@case("N2/3", _health_meanwhile, timed=True, slow=True, remedy="Answer GET /health while streams are open.")
def healthy_meanwhile(health: Reply) -> None:
    """GET /health answers while two streams are open."""
    require(health.status == 200, f"GET /health answered {health.status} while {CONCURRENT_REQUESTS} streams were open")


clause(
    "N3",
    "A request body of more than 10 MiB, or with more than 200,000 JSON values, is refused.",
    remedy="Refuse a body of more than 10 MiB with 413, and one of more than 200,000 JSON values with 400.",
)


def _good(target: Target) -> bytes:
    return target.encoded(question())


def _posted(what: str, body: bytes) -> Source:
    def source(target: Target) -> Iterator[tuple[str, Reply]]:
        require_good_answer(target)
        yield what, _raw(target, _head(target, length=len(body)), body, what)

    return source


_LARGE = b'{"model":"x","messages":[{"role":"user","content":"' + b"x" * 11 * 2**20 + b'"}]}'
_MANY = b',"surprise":[' + b"0," * MAX_VALUES + b"0]}"
_NESTED = b',"surprise":[' + b'{"a":[]},' * (MAX_VALUES // 2) + b"0]}"


@case("N3/1", _posted("a body of 11 MiB", _LARGE))
def large_body(reply: Reply) -> None:
    """A body of 11 MiB gets 413."""
    require(reply.status == 413, f"it got {reply.status}, not 413")
    refused(reply, None, "it")


def _just_small_enough(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    body = _good(target)[:-1] + b',"surprise":"' + b"x" * (MAX_BODY_BYTES - 1000) + b'"}'
    yield "a body of almost 10 MiB", _raw(target, _head(target, length=len(body)), body, "a body of almost 10 MiB")


@case("N3/3", _just_small_enough, remedy="Accept a body of up to 10 MiB: 10,485,760 bytes.")
def largest_body(reply: Reply) -> None:
    """A body of almost 10 MiB is accepted, most of it in a field that nobody knows."""
    require(reply.status == 200, f"it got {reply.status}")


def _many_values(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    yield "a list of more than 200,000 numbers", target.post(_good(target)[:-1] + _MANY)
    yield "more than 200,000 nested values", target.post(_good(target)[:-1] + _NESTED)


@case("N3/2", _many_values, remedy="Count the JSON values of a body before you parse it, and answer 400.")
def many_values(reply: Reply) -> None:
    """A body with more than 200,000 JSON values gets 400."""
    require(reply.status == 400, f"it got {reply.status}, not 400")
    refused(reply, None, "it")


clause(
    "N4",
    "A request head has limits; trailers never become header fields; an unsupported Upgrade is ignored.",
    remedy="Limit a request head to 64 KiB and 200 fields, drop trailers, and ignore an Upgrade you do not support.",
)


def _raw(target: Target, head: str, body: bytes, what: str) -> Reply:
    """Sends a request byte by byte as given, on a connection of its own."""
    request = target.request("POST", CHAT, body=body)
    connection = target.access.connection(target.url, target.timeout)
    try:
        connection.connect()
        _send_until_answered(connection.sock, head.encode("latin-1") + body)
        response = http.client.HTTPResponse(connection.sock)
        response.begin()
        data = response.read(2**20)
    except (OSError, http.client.HTTPException) as error:
        said = f"{what} got no response: {type(error).__name__}"
        recorded(Unanswered(request, said))
        raise Failed(said) from None
    finally:
        connection.close()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return recorded(Reply(response.status, headers, data, request))


def _send_until_answered(connection: socket.socket, data: bytes) -> None:
    """Sends in pieces, and stops at an answer: a server may refuse a head before it has read all of it.

    If more was sent after that, the system would discard the refusal. (With TLS, a socket is readable before that.)
    """
    size = max(MIN_PIECE_BYTES, len(data) // MAX_PIECES)
    with suppress(OSError):
        if isinstance(connection, ssl.SSLSocket):
            connection.sendall(data)
            return
        for start in range(0, len(data), size):
            connection.sendall(data[start : start + size])
            if select.select([connection], [], [], PIECE_SECONDS)[0]:
                return


def _head(target: Target, *lines: str, length: int | None) -> str:
    request = target.request("POST", CHAT)
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    given = [f"{name}: {value}" for name, value in target.access.headers.items()]
    always = (f"host: {urlsplit(target.url).netloc}", "content-type: application/json", "connection: close", framing)
    return "\r\n".join((f"POST {request.path} HTTP/1.1", *always, *given, *lines, "", ""))


def _large_heads(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    body = _good(target)
    heads = {
        "a header of 80 KiB": ["x-large: " + "x" * 80 * 1024],
        "a head of 80 KiB in 150 fields": [f"x-{number}: " + "x" * 560 for number in range(150)],
        "300 header fields": [f"x-{number}: y" for number in range(300)],
    }
    for what, lines in heads.items():
        yield what, _raw(target, _head(target, *lines, length=len(body)), body, what)


@case("N4/1", _large_heads)
def large_heads(reply: Reply) -> None:
    """A head of more than 64 KiB or 200 fields is refused with a 4xx."""
    require(400 <= reply.status < 500, f"it got {reply.status}, not a 4xx")


def _chunked(body: bytes, *trailers: str, extension: str = "") -> bytes:
    size, end = f"{len(body):x}{extension}\r\n".encode(), "".join(f"{each}\r\n" for each in trailers).encode()
    return size + body + b"\r\n0\r\n" + end + b"\r\n"


def _large_trailers(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    large = "x" * 2 * MAX_HEAD_BYTES
    for what, body in {
        "trailers of 128 KiB": _chunked(_good(target), f"x-large: {large}"),
        "a chunk extension of 128 KiB": _chunked(_good(target), extension=f";x={large}"),
    }.items():
        yield what, _raw(target, _head(target, length=None), body, what)


@case("N4/2", _large_trailers, remedy="Count trailers and chunk extensions towards the limit of the head.")
def large_trailers(reply: Reply) -> None:
    """Trailers and chunk extensions count towards the limit of the head: too large, they get a 4xx."""
    require(400 <= reply.status < 500, f"it got {reply.status}, not a 4xx")


def _with_a_trailer(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    what = "a trailer X-Request-Id"
    yield what, _raw(target, _head(target, length=None), _chunked(_good(target), "x-request-id: from-a-trailer"), what)


@case("N4/3", _with_a_trailer, remedy="Drop trailers.")
def trailers_are_no_headers(reply: Reply) -> None:
    """A trailer never becomes a header field of the request."""
    if reply.status == 200:
        require("from-a-trailer" not in reply.text + str(dict(reply.headers)), "it was taken for a header field")
    require(reply.status == 200 or 400 <= reply.status < 500, f"it got {reply.status}")


def _upgrades(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    for name in ("h2c", "websocket", "TLS/1.2"):
        what = f"Upgrade: {name}"
        body = _good(target)
        head = _head(target, f"upgrade: {name}", "http2-settings: AAMAAABkAAQAAP__", length=len(body))
        yield what, _raw(target, head.replace("connection: close", "connection: close, upgrade"), body, what)


@case("N4/4", _upgrades, remedy="Answer as if there were no Upgrade header.")
def upgrade_ignored(reply: Reply) -> None:
    """An Upgrade that is not supported is ignored."""
    require(reply.status == 200, f"it got {reply.status}")
    require(reply.message.get("content"), "the answer has no text")
