"""A server under test. All access is over HTTP, and the arrival of every line of a stream is timed."""
# Contract file: replaced by updates.

import http.client
import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

T = TypeVar("T")
Json = dict[str, Any]
Launch = Callable[[Mapping[str, str]], "Target"]

CHAT = "/v1/chat/completions"
JSON_TYPE = {"content-type": "application/json"}
# The question for checks that need no special question. It asks for a short answer.
PLAIN = "Say only: hello"
# Limits for a response that does not end. They are far above the largest response that a check needs.
MAX_BYTES, MAX_LINES = 32 * 2**20, 200_000


class Failed(AssertionError):
    """A clause does not hold. The message says what was observed, as a sentence without a full stop."""


class NotShown(Exception):
    """A clause cannot be checked on this target. The message says what is missing."""


def require(holds: object, sentence: str) -> None:
    """Raises `Failed` with the sentence unless `holds` is true."""
    if not holds:
        raise Failed(sentence)


@dataclass(frozen=True)
class Reply:
    """A response that was read completely. The names in `headers` are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Failed(f"the body is not JSON: {self.body[:60]!r}") from None


@dataclass
class Stream:
    """A streamed response, line by line. Times are seconds since the request was sent."""

    status: int
    headers: Mapping[str, str]
    lines: list[tuple[float, bytes]] = field(default_factory=list)
    cut: str = ""  # why the connection ended too early; empty if it ended properly
    seconds: float = 0.0  # when the response ended
    sent: float = 0.0  # when the request was sent, by `time.monotonic`

    @cached_property
    def data(self) -> list[tuple[float, bytes]]:
        """The contents of the `data:` lines, with their times."""
        return [(at, line[5:].removeprefix(b" ")) for at, line in self.lines if line.startswith(b"data:")]

    @cached_property
    def chunks(self) -> list[tuple[float, Json]]:
        """The JSON of each `data:` line except `[DONE]`. Only a line feed ends a line. Raises `Failed` for bad JSON."""
        found = []
        for at, data in self.data:
            if data != b"[DONE]":
                try:
                    chunk = json.loads(data)
                except (ValueError, RecursionError):
                    raise Failed(f"a data line is not JSON: {data[:60]!r}") from None
                require(isinstance(chunk, dict), "a chunk is not an object")
                found.append((at, chunk))
        return found

    @cached_property
    def choices(self) -> list[tuple[float, Json]]:
        found = [(at, choice) for at, chunk in self.chunks for choice in _list(chunk.get("choices"))]
        require(all(isinstance(choice, dict) for _, choice in found), "a choice is not an object")
        return found

    @cached_property
    def deltas(self) -> list[tuple[float, Json]]:
        return [(at, choice["delta"]) for at, choice in self.choices if isinstance(choice.get("delta"), dict)]

    @property
    def done(self) -> bool:
        return any(data == b"[DONE]" for _, data in self.data)

    @property
    def text(self) -> str:
        return "".join(str(delta.get("content") or "") for _, delta in self.deltas)

    @property
    def reasoning(self) -> str:
        return "".join(str(delta.get("reasoning_content") or "") for _, delta in self.deltas)

    @property
    def finish_reasons(self) -> list[str]:
        return [choice["finish_reason"] for _, choice in self.choices if choice.get("finish_reason") is not None]

    @property
    def usages(self) -> list[Json]:
        return [chunk["usage"] for _, chunk in self.chunks if chunk.get("usage") is not None]

    @property
    def first_word(self) -> float | None:
        """The time in seconds of the first delta with content, reasoning or a tool call; None if there was none."""
        names = ("content", "reasoning_content", "tool_calls")
        return next((at for at, delta in self.deltas if any(delta.get(name) for name in names)), None)

    @property
    def largest_gap(self) -> float:
        """The longest time between two lines, in seconds. Comments count, and so does the wait for the first line."""
        times = [0.0, *(at for at, line in self.lines if line)]
        return max((after - before for before, after in pairwise(times)), default=0.0)


@dataclass
class Upstream:
    """The stand-in (`stand_in.py`) as the competitor's upstream. It reports the requests that it received."""

    url: str

    def requests(self) -> list[Json]:
        return list(Target(self.url).get("/requests").json())

    def stats(self) -> dict[str, int]:
        return dict(Target(self.url).get("/stats").json())

    def release(self, name: str) -> None:
        """Continues the requests that wait for this name (see `hold` in `stand_in.py`)."""
        Target(self.url).get(f"/release/{name}")


@dataclass
class Target:
    """A server under test at `url`.

    `prompts` maps the name of a behaviour (`silence`, `dies`, ...) to a prompt that causes it on this server. `launch`
    starts another server of the same kind with a given environment. `upstream` is the stand-in, if the server uses it
    as its upstream. A check raises `NotShown` if one of these is missing and the check needs it.
    """

    url: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    launch: Launch | None = None
    upstream: Upstream | None = None
    timeout: float = 30.0  # seconds for a response to end
    name: str = ""  # tells several targets apart in a report
    until: float = math.inf  # in `time.monotonic`; a later request raises `NotShown`
    environment: Mapping[str, str] | None = None  # variables at its start; None if unknown
    ready_seconds: float = 0.0  # from the start until it was healthy
    journal: list[tuple[str, Stream]] = field(default_factory=list)  # every stream that was read, with its prompt
    _seen: dict[str, "_Once"] = field(default_factory=dict)

    def prompt(self, name: str) -> str:
        """The prompt of this name. Raises `NotShown` if there is none."""
        if name not in self.prompts:
            raise NotShown(f"no known prompt for {name!r} works on this server")
        return self.prompts[name]

    @property
    def upstream_variables(self) -> dict[str, str]:
        """The variables that make another server use the stand-in too; empty if this server does not use it."""
        return {"JANUS_LLM_BASE_URL": f"{self.upstream.url}/v1"} if self.upstream else {}

    def launched(self, environment: Mapping[str, str], *, fresh: bool = False) -> "Target":
        """Starts a server of the same kind with this environment.

        An earlier server with this environment is reused, unless the caller asks for a `fresh` one. Raises `NotShown`
        if no server can be started.
        """
        if environment == self.environment and not fresh:
            return self
        launch = self.launch
        if launch is None:
            raise NotShown("no server can be started, since no start command was given")

        def start() -> Target:
            began = time.monotonic()
            started = launch(environment)
            started.ready_seconds = time.monotonic() - began
            started.environment, started.until = environment, self.until
            return started

        return start() if fresh else self._once(["launch", dict(environment)], start)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        with self._response("GET", path, b"", headers or {}) as (response, _):
            return _read(response)

    def head(self, path: str) -> Reply:
        with self._response("HEAD", path, b"", {}) as (response, _):
            return _read(response)

    def post(self, body: Json | bytes, headers: Mapping[str, str] | None = None, path: str = CHAT) -> Reply:
        """Sends one request and reads the whole response."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with self._response("POST", path, data, JSON_TYPE | dict(headers or {})) as (response, _):
            return _read(response)

    def ask(self, prompt: str = PLAIN, **fields: Any) -> Reply:
        """Gets a whole (not streamed) answer. The same question is sent only once; later calls get the same answer."""
        body = question(prompt, **fields)
        return self._once(["ask", body], lambda: self.post(body))

    def stream(self, prompt: str = PLAIN, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Stream:
        """Gets a streamed answer. The same question is sent only once; later calls return the first answer."""
        body = question(prompt, stream=True, **fields)
        return self._once(["stream", body, headers], lambda: self.read_stream(body, headers))

    def read_stream(
        self, body: Json, headers: Mapping[str, str] | None = None, on_line: Callable[[bytes], None] | None = None
    ) -> Stream:
        """Sends a request and reads the whole stream. `on_line` is called with each line as it arrives."""
        given = JSON_TYPE | {"accept": "text/event-stream"} | dict(headers or {})
        with self._response("POST", CHAT, json.dumps(body).encode(), given) as (response, sent):
            stream = Stream(response.status, _lower(response), sent=sent)
            self.journal.append((str(body["messages"][-1].get("content")), stream))
            _read_lines(response, stream, math.inf, on_line)
        return stream

    def read_events(self, path: str, seconds: float) -> Stream:
        """Reads a stream of events with GET, until it ends or `seconds` have passed."""
        with self._response("GET", path, b"", {"accept": "text/event-stream"}, seconds) as (response, sent):
            stream = Stream(response.status, _lower(response), sent=sent)
            _read_lines(response, stream, seconds, None)
        return stream

    def half_read(self, body: Json, *, lines: int = 3, then: Callable[[], object] = lambda: None) -> None:
        """Sends a request, reads some lines of the response, calls `then`, and disconnects."""
        with self._response("POST", CHAT, json.dumps(body).encode(), JSON_TYPE) as (response, _):
            for _ in range(lines):
                response.readline(MAX_BYTES)
            then()

    def send_and_leave(self, body: Json, seconds: float = 0.5) -> None:
        """Sends a request, waits `seconds`, and disconnects without reading the response."""
        connection = self._connection()
        try:
            connection.request("POST", CHAT, json.dumps(body).encode(), JSON_TYPE)
            time.sleep(seconds)
        except OSError as error:
            raise Failed(f"POST {CHAT} could not be sent: {type(error).__name__}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        left = self.until - time.monotonic()
        if left <= 0:
            raise NotShown("the time limit for all checks had passed")
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=min(self.timeout, left))

    @contextmanager
    def _response(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], seconds: float = math.inf
    ) -> Iterator[tuple[http.client.HTTPResponse, float]]:
        """Sends a request. Yields the response, and the time at which the request was sent.

        A timer closes the connection, even if bytes still arrive. Reaching `timeout` is a failure. Reaching `seconds`
        is not, because the caller wanted to read only for that time.
        """
        connection, late, watch = self._connection(), threading.Event(), None
        try:
            try:
                connection.connect()
                # Keep the socket, because http.client drops it when the body ends with the connection.
                given = min(seconds, self.timeout, self.until - time.monotonic())
                watch = threading.Timer(given, _end, [connection.sock, late])
                watch.daemon = True
                watch.start()
                sent = time.monotonic()
                # A server that refuses a large body may have answered and closed before all of it was sent.
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(method, path, body or None, dict(headers))
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._failure(f"{method} {path} got no response", error) from None
            yield response, sent
            require(not late.is_set() or seconds < self.timeout, f"{method} {path} did not end in {self.timeout:g} s")
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(f"the response to {method} {path} broke off", error) from None
        finally:
            if watch is not None:
                watch.cancel()
                _end(*watch.args)
            connection.close()

    def _failure(self, what: str, error: Exception) -> Failed | NotShown:
        if time.monotonic() >= self.until:
            return NotShown("the time limit for all checks had passed")
        return Failed(f"{what}: {type(error).__name__}")

    def _once(self, asked: list[Any], send: Callable[[], T]) -> T:
        """Calls `send` only once for the same `asked`. Concurrent checks wait for that call and share its outcome."""
        once = self._seen.setdefault(json.dumps(asked, sort_keys=True), _Once())
        with once.lock:
            if once.outcome is None:
                try:
                    once.outcome = (send(), None)
                except Failed as failed:
                    once.outcome = (None, str(failed))
        value, failure = once.outcome
        if failure is not None:
            raise Failed(failure)
        return cast(T, value)


@dataclass
class _Once:
    """The outcome of a request that is sent only once: a value, or the reason of its failure."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    outcome: tuple[Any, str | None] | None = None


def question(prompt: str = PLAIN, **fields: Any) -> Json:
    """The body of a chat request. If `fields` has `messages`, they replace the prompt."""
    return {"model": "any-name", "messages": [{"role": "user", "content": prompt}], **fields}


def _read_lines(
    response: http.client.HTTPResponse, stream: Stream, seconds: float, on_line: Callable[[bytes], None] | None
) -> None:
    size = 0
    try:
        while line := response.readline(MAX_BYTES):
            at = time.monotonic() - stream.sent
            stream.lines.append((at, line.rstrip(b"\r\n")))
            if on_line is not None:
                on_line(stream.lines[-1][1])
            size += len(line)
            require(size < MAX_BYTES, f"the stream did not end within {MAX_BYTES >> 20} MiB")
            require(len(stream.lines) < MAX_LINES, f"the stream did not end within {MAX_LINES:,} lines")
            if at > seconds:
                break
    except (http.client.HTTPException, OSError) as error:
        stream.cut = type(error).__name__
    stream.seconds = time.monotonic() - stream.sent


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _read(response: http.client.HTTPResponse) -> Reply:
    body = response.read(MAX_BYTES)
    require(len(body) < MAX_BYTES, f"the response did not end within {MAX_BYTES >> 20} MiB")
    return Reply(response.status, _lower(response), body)


def _end(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
