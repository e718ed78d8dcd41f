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
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from .access import Access
from .recording import Response, recorded, recording, unrecorded
from .responses import CHAT, Failed, NotShown, Request, Unanswered, require
from .responses import Json as Json  # "as" marks the names that tests of generated repos import from here
from .responses import Reply as Reply
from .responses import Stream as Stream

T = TypeVar("T")
Launch = Callable[[Mapping[str, str]], "Target"]

JSON_TYPE = {"content-type": "application/json"}
# The question for checks that need no special question. It asks for a short answer.
PLAIN = "Say only: hello"
ANY_MODEL = "any-name"
_IN_WORDS = {
    "BrokenPipeError": "the connection was closed",
    "ConnectionRefusedError": "the connection was refused",
    "ConnectionResetError": "the connection was reset",
    "IncompleteRead": "the connection was closed too early",
    "RemoteDisconnected": "the connection was closed",
    "TimeoutError": "nothing came in time",
}
NO_UPSTREAM = "this check needs an upstream of its own for the server: --start starts the server with it"
# Limits for a response that does not end. They are far above the largest response that a check needs.
MAX_BYTES, MAX_LINES = 32 * 2**20, 200_000


@dataclass
class Upstream:
    """The stand-in (`stand_in.py`) as the competitor's upstream. It reports the requests that it received."""

    url: str

    def requests(self) -> list[Json]:
        """The requests so far, each with `path`, `headers`, `body` and `state` (`open`, `cut` or `done`)."""
        return list(self._get("/requests"))

    def requests_with(self, words: str) -> list[Json]:
        """The requests so far whose messages contain these words."""
        return list(self._get(f"/requests?{urlencode({'with': words})}"))

    @property
    def asked(self) -> int:
        """The number of requests to the model so far."""
        stats = self.stats()
        return stats["open"] + stats["cut"] + stats["done"]

    def stats(self) -> dict[str, int]:
        return dict(self._get("/stats"))

    def release(self, name: str) -> None:
        """Continues the requests that wait for this name (see `hold` in `stand_in.py`)."""
        self._get(f"/release/{name}")

    def _get(self, path: str) -> Any:
        with unrecorded():
            return Target(self.url).get(path).json()


@dataclass
class Target:
    """A server under test at `url`.

    `prompts` maps the name of a behaviour (`silence`, `dies`, ...) to a prompt that causes it on this server. `launch`
    starts another server of the same kind with a given environment. `upstream` is the stand-in, if the server was seen
    to use it as its upstream; `no_upstream` is why there is none. A check raises `NotShown` if one of these is missing
    and the check needs it.
    """

    url: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    launch: Launch | None = None
    upstream: Upstream | None = None
    no_upstream: str = NO_UPSTREAM
    timeout: float = 30.0  # seconds for a response to end
    name: str = ""  # tells several targets apart in a report
    access: Access = field(default_factory=Access)
    model: str = ANY_MODEL  # the name that questions have; another one only for a server that refuses any name (R3)
    environment: Mapping[str, str] | None = None  # variables at its start; None if unknown
    ready_seconds: float = 0.0  # from the start until it was healthy
    journal: list[tuple[str, Stream]] = field(default_factory=list)  # every stream that was read, with its prompt
    _seen: dict[str, "_Once"] = field(default_factory=dict)

    def prompt(self, name: str) -> str:
        """The prompt of this name. Raises `NotShown` if there is none."""
        if name not in self.prompts:
            raise NotShown(f"no prompt that this check knows for {name.replace('_', ' ')} makes this server do it")
        return self.prompts[name]

    def stand_in(self) -> Upstream:
        """The stand-in, if this server uses it. Raises `NotShown` with the reason if it does not."""
        if self.upstream is None:
            raise NotShown(self.no_upstream)
        return self.upstream

    @property
    def upstream_variables(self) -> dict[str, str]:
        """The variables that make another server use the stand-in too; empty if this server does not use it."""
        return announced(f"{self.upstream.url}/v1") if self.upstream else {}

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
            started.environment, started.access, started.model = environment, self.access, self.model
            return started

        return start() if fresh else self.once(["launch", dict(environment)], start)

    def afresh(self) -> "Target":
        """The same server, but each question is sent again."""
        return replace(self, _seen={})

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self._reply(self.request("GET", path, headers))

    def head(self, path: str) -> Reply:
        return self._reply(self.request("HEAD", path))

    def post(self, body: Json | bytes, headers: Mapping[str, str] | None = None, path: str = CHAT) -> Reply:
        """Sends one request and reads the whole response."""
        data = body if isinstance(body, bytes) else self.encoded(body)
        return self._reply(self.request("POST", path, JSON_TYPE | dict(headers or {}), data))

    def request(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Request:
        """A request to this server. If the server's URL has a path, this comes before the given path."""
        parts = urlsplit(self.url)
        origin, whole = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/") + path
        return Request(method, whole, headers or {}, body, origin, tuple(self.access.headers), self.environment)

    def encoded(self, body: Json) -> bytes:
        """The bytes of a request body, with the name of a model that this server accepts."""
        named = {**body, "model": self.model} if body.get("model") == ANY_MODEL else body
        return json.dumps(named).encode()

    def _reply(self, request: Request) -> Reply:
        with self._response(request) as (response, _):
            try:
                return recorded(_read(response, request))
            except Failed as failure:
                recorded(Unanswered(request, str(failure)))
                raise

    def ask(self, prompt: str = PLAIN, **fields: Any) -> Reply:
        """Gets a whole (not streamed) answer. The same question is sent only once; later calls get the same answer."""
        body = question(prompt, **fields)
        return self.once(["ask", body], lambda: self.post(body))

    def stream(self, prompt: str = PLAIN, *, headers: Mapping[str, str] | None = None, **fields: Any) -> Stream:
        """Gets a streamed answer. The same question is sent only once; later calls return the first answer."""
        body = question(prompt, stream=True, **fields)
        return self.once(["stream", body, headers], lambda: self.read_stream(body, headers))

    def read_stream(
        self, body: Json, headers: Mapping[str, str] | None = None, on_line: Callable[[bytes], None] | None = None
    ) -> Stream:
        """Sends a request and reads the whole stream. `on_line` is called with each line as it arrives."""
        given = JSON_TYPE | {"accept": "text/event-stream"} | dict(headers or {})
        request = self.request("POST", CHAT, given, self.encoded(body))
        with self._response(request) as (response, sent):
            stream = recorded(Stream(response.status, _lower(response), sent=sent, request=request))
            self.journal.append((str(body["messages"][-1].get("content")), stream))
            _read_lines(response, stream, math.inf, on_line)
        return stream

    def read_events(self, path: str, seconds: float, headers: Mapping[str, str] | None = None) -> Stream:
        """Reads a stream of events with GET, until it ends or `seconds` have passed."""
        request = self.request("GET", path, {"accept": "text/event-stream"} | dict(headers or {}))
        with self._response(request, seconds) as (response, sent):
            stream = recorded(Stream(response.status, _lower(response), sent=sent, request=request))
            _read_lines(response, stream, seconds, None)
        return stream

    def half_read(self, body: Json, *, lines: int = 3, then: Callable[[], object] = lambda: None) -> None:
        """Sends a request, reads some lines of the response, calls `then`, and disconnects."""
        request = self.request("POST", CHAT, JSON_TYPE, self.encoded(body))
        with self._response(request) as (response, sent):
            stream = recorded(Stream(response.status, _lower(response), sent=sent, request=request))
            for _ in range(lines):
                line = response.readline(MAX_BYTES).rstrip(b"\r\n")
                stream.lines.append((time.monotonic() - sent, line))
            stream.cut = "by this check"
            then()

    def send_and_leave(self, body: Json, *, then: Callable[[], object]) -> None:
        """Sends a request, calls `then`, and disconnects without reading the response."""
        connection = self.access.connection(self.url, self.timeout)
        request = self.request("POST", CHAT, JSON_TYPE, self.encoded(body))
        recorded(Unanswered(request, "this check disconnected before it read the response"))
        try:
            self._send(connection, request)
            then()
        except OSError as error:
            raise Failed(f"POST {CHAT} could not be sent: {type(error).__name__}") from None
        finally:
            connection.close()

    @contextmanager
    def _response(
        self, request: Request, seconds: float = math.inf
    ) -> Iterator[tuple[http.client.HTTPResponse, float]]:
        """Sends a request. Yields the response, and the time at which the request was sent.

        A timer closes the connection, even if bytes still arrive. Reaching `timeout` is a failure. Reaching `seconds`
        is not, because the caller wanted to read only for that time.
        """
        connection, late = self.access.connection(self.url, self.timeout), threading.Event()
        opened, watch = None, None
        asked = f"{request.method} {request.path}"
        try:
            try:
                connection.connect()
                # Keep the socket, because http.client drops it when the body ends with the connection.
                given = min(seconds, self.timeout, self.access.left)
                opened = connection.sock
                self.access.opened(opened)
                watch = threading.Timer(given, _end, [opened, late])
                watch.daemon = True
                watch.start()
                sent = time.monotonic()
                # A server that refuses a large body may have answered and closed before all of it was sent.
                with suppress(BrokenPipeError, ConnectionResetError):
                    self._send(connection, request)
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise self._failure(request, f"{asked} got no response", error) from None
            yield response, sent
            require(not late.is_set() or seconds < self.timeout, f"{asked} did not end in {self.timeout:g} s")
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(request, f"the response to {asked} broke off", error) from None
        finally:
            if opened is not None and watch is not None:
                watch.cancel()
                _end(opened, late)
                self.access.closed(opened)
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> None:
        headers = {name.lower(): value for name, value in (*self.access.headers.items(), *request.headers.items())}
        connection.request(request.method, request.path, request.body or None, headers)

    def _failure(self, request: Request, what: str, error: Exception) -> Failed | NotShown:
        if why := self.access.why_over:
            return NotShown(why)
        name = type(error).__name__
        said = f"{what}: {_IN_WORDS.get(name, name)}"
        recorded(Unanswered(request, said))
        return Failed(said)

    def once(self, asked: list[Any], send: Callable[[], T]) -> T:
        """Calls `send` only once for the same `asked`. Concurrent checks wait for that call and share its outcome."""
        once = self._seen.setdefault(json.dumps(asked, sort_keys=True), _Once())
        with once.lock:
            if once.outcome is None:
                with recording() as once.got:
                    try:
                        once.outcome = (send(), None)
                    except Failed as failed:
                        once.outcome = (None, str(failed))
        for response in once.got:
            recorded(response)
        value, failure = once.outcome
        if failure is not None:
            raise Failed(failure)
        return cast(T, value)


@dataclass
class _Once:
    """The outcome of a request that is sent only once: a value, or the reason of its failure."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    outcome: tuple[Any, str | None] | None = None
    got: list[Response] = field(default_factory=list)


def announced(base_url: str, *, key: str = "key-of-the-stand-in") -> dict[str, str]:
    """The variables that name an upstream to any competitor: under the contract's names, and under OpenAI's.

    With an empty `key`, they name no key.
    """
    urls = dict.fromkeys(("JANUS_LLM_BASE_URL", "OPENAI_BASE_URL"), base_url)
    return urls | (dict.fromkeys(("JANUS_LLM_API_KEY", "OPENAI_API_KEY"), key) if key else {})


def question(prompt: str = PLAIN, **fields: Any) -> Json:
    """The body of a chat request. If `fields` has `messages`, they replace the prompt."""
    return {"model": ANY_MODEL, "messages": [{"role": "user", "content": prompt}], **fields}


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


def _read(response: http.client.HTTPResponse, request: Request) -> Reply:
    body = response.read(MAX_BYTES)
    require(len(body) < MAX_BYTES, f"the response did not end within {MAX_BYTES >> 20} MiB")
    return Reply(response.status, _lower(response), body, request)


def _end(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
