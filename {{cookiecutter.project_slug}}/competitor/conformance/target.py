# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""A competitor under test, seen through HTTP alone, with the time of arrival of every line of a stream."""

import http.client
import json
import socket
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


class Failed(AssertionError):
    """A clause does not hold. The message says what was seen, in one sentence."""


class NotShown(Exception):
    """The clause cannot be looked at on this target: it has no way to provoke or to see what it speaks of."""


def require(holds: object, sentence: str) -> None:
    if not holds:
        raise Failed(sentence)


@dataclass(frozen=True)
class Reply:
    """A whole response. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failed(f"the body is not JSON: {self.body[:60]!r}") from None


@dataclass
class Stream:
    """A streamed response, line by line. Times are seconds since the request was sent."""

    status: int
    headers: Mapping[str, str]
    lines: list[tuple[float, bytes]] = field(default_factory=list)
    cut: str = ""  # why the connection ended too early; empty for a proper end
    seconds: float = 0.0

    @cached_property
    def data(self) -> list[tuple[float, bytes]]:
        """The `data:` lines' contents."""
        return [(at, line[5:].removeprefix(b" ")) for at, line in self.lines if line.startswith(b"data:")]

    @cached_property
    def chunks(self) -> list[tuple[float, Json]]:
        """The JSON of every `data:` line but `[DONE]`, as a reader that knows one line ending sees it."""
        found = []
        for at, data in self.data:
            if data != b"[DONE]":
                try:
                    chunk = json.loads(data)
                except ValueError:
                    raise Failed(f"a data line is not JSON: {data[:60]!r}") from None
                require(isinstance(chunk, dict), "a chunk is not an object")
                found.append((at, chunk))
        return found

    @cached_property
    def deltas(self) -> list[tuple[float, Json]]:
        return [
            (at, choice["delta"])
            for at, chunk in self.chunks
            for choice in chunk.get("choices") or ()
            if isinstance(choice.get("delta"), dict)
        ]

    @property
    def done(self) -> bool:
        return any(data == b"[DONE]" for _, data in self.data)

    @property
    def text(self) -> str:
        return "".join(delta.get("content") or "" for _, delta in self.deltas)

    @property
    def reasoning(self) -> str:
        return "".join(delta.get("reasoning_content") or "" for _, delta in self.deltas)

    @property
    def finish_reasons(self) -> list[str]:
        choices = [choice for _, chunk in self.chunks for choice in chunk.get("choices") or ()]
        return [choice["finish_reason"] for choice in choices if choice.get("finish_reason") is not None]

    @property
    def usages(self) -> list[Json]:
        return [chunk["usage"] for _, chunk in self.chunks if chunk.get("usage") is not None]

    @property
    def first_word(self) -> float | None:
        """When the first delta came that counts as a token: content, reasoning or a tool call."""
        names = ("content", "reasoning_content", "tool_calls")
        return next((at for at, delta in self.deltas if any(delta.get(name) for name in names)), None)

    @property
    def largest_gap(self) -> float:
        """The longest time without any event, in seconds, from the sending of the request on; comments count."""
        times = [0.0, *(at for at, line in self.lines if line)]
        return max((after - before for before, after in pairwise(times)), default=0.0)


@dataclass
class Upstream:
    """The competitor's upstream, where it is one of ours that tells what it saw: `/requests`, `/stats`."""

    url: str

    def requests(self) -> list[Json]:
        return list(Target(self.url).get("/requests").json())

    def stats(self) -> dict[str, int]:
        return dict(Target(self.url).get("/stats").json())


@dataclass
class Target:
    """A competitor at `url`.

    `prompts` are texts that make this one do something that a clause speaks of, by name (`silence`,
    `dies`, ...). `launch` starts another of its kind with a given environment. `upstream` tells what
    the competitor's own upstream saw. A check that needs what is not there raises `NotShown`.
    """

    url: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    launch: Launch | None = None
    upstream: Upstream | None = None
    timeout: float = 30.0
    _seen: dict[str, Any] = field(default_factory=dict)

    def prompt(self, name: str) -> str:
        if name not in self.prompts:
            raise NotShown(f"nothing is known to provoke {name!r} here")
        return self.prompts[name]

    def launched(self, environment: Mapping[str, str]) -> "Target":
        if self.launch is None:
            raise NotShown("it cannot be started from here")
        return self.launch(environment)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        with self._response("GET", path, b"", headers or {}) as response:
            return Reply(response.status, _lower(response), response.read())

    def post(self, body: Json | bytes, headers: Mapping[str, str] | None = None, path: str = CHAT) -> Reply:
        """One request, read to its end."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with self._response("POST", path, data, {"content-type": "application/json", **(headers or {})}) as response:
            return Reply(response.status, _lower(response), response.read())

    def ask(self, prompt: str = "hello", **fields: Any) -> Reply:
        """A whole answer; the same question is asked once."""
        body = question(prompt, **fields)
        return self._once(["ask", body], lambda: self.post(body))

    def stream(self, prompt: str = "hello", *, headers: Mapping[str, str] | None = None, **fields: Any) -> Stream:
        """A streamed answer; the same question is asked once."""
        body = question(prompt, stream=True, **fields)
        return self._once(["stream", body, headers], lambda: self.read_stream(body, headers))

    def read_stream(
        self, body: Json, headers: Mapping[str, str] | None = None, on_line: Callable[[bytes], None] | None = None
    ) -> Stream:
        """`on_line` is called with each line as it comes."""
        began = time.monotonic()
        data = json.dumps(body).encode()
        given = {"content-type": "application/json", "accept": "text/event-stream", **(headers or {})}
        with self._response("POST", CHAT, data, given) as response:
            stream = Stream(response.status, _lower(response))
            try:
                while line := response.readline():
                    at = time.monotonic() - began
                    stream.lines.append((at, line.rstrip(b"\r\n")))
                    if on_line is not None:
                        on_line(stream.lines[-1][1])
                    require(at < self.timeout, f"the stream did not end within {self.timeout:g} s")
            except (http.client.HTTPException, OSError) as error:
                stream.cut = type(error).__name__
            stream.seconds = time.monotonic() - began
        return stream

    def half_read(self, body: Json, *, lines: int = 3) -> None:
        """A request whose client reads a few lines and leaves."""
        with self._response("POST", CHAT, json.dumps(body).encode(), {"content-type": "application/json"}) as response:
            for _ in range(lines):
                response.readline()

    def abandoned(self, body: Json, seconds: float = 0.5) -> None:
        """A request whose client waits a moment and leaves without an answer."""
        parts = urlsplit(self.url)
        data = json.dumps(body).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        with socket.create_connection((parts.hostname or "", parts.port or 80), self.timeout) as connection:
            connection.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
            time.sleep(seconds)

    @contextmanager
    def _response(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self.timeout)
        try:
            try:
                connection.request(method, path, body or None, dict(headers))
                response = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise Failed(f"{method} {path} got no response: {type(error).__name__}") from None
            yield response
        finally:
            with suppress(OSError):
                if connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _once(self, asked: list[Any], send: Callable[[], T]) -> T:
        key = json.dumps(asked, sort_keys=True)
        if key not in self._seen:
            self._seen[key] = send()
        return cast(T, self._seen[key])


def question(prompt: str = "hello", **fields: Any) -> Json:
    """A request's body. `messages` among the fields replaces the prompt."""
    return {"model": "any-name", "messages": [{"role": "user", "content": prompt}], **fields}


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
