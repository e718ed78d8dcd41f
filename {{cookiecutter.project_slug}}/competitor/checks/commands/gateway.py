"""A simulation of the platform's gateway. It does the four things that made real competitors fail.
Contract file: replaced by updates.

1. It removes nulls from a request, always adds `enable_memory` and `debug`, and does not pass on `Authorization`.
2. It turns any status of 300 or more into a bare 500; it follows no redirect and passes on no error.
3. It passes on only `data:` lines and comments of a stream, and cuts off a stream that has no token after 5 s.
4. It turns a whole (non-stream) answer into a bare 500 when the `finish_reason` is unknown, an integer is missing in
   `usage`, or an artifact has no `display_name`.
"""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ..responses import CHAT, Json

FIRST_TOKEN_SECONDS = 5.0
TIMEOUT_SECONDS = 300.0
MAX_LINE_BYTES = 2**20
FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter")
USAGE_FIELDS = ("prompt_tokens", "completion_tokens", "total_tokens")
TOKEN_FIELDS = ("content", "reasoning_content", "tool_calls")


@contextmanager
def gateway(url: str) -> Iterator[str]:
    """Runs a gateway in front of the competitor at `url`, and yields the gateway's URL."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"competitor": url}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def without_nulls(value: Any) -> Any:
    """A copy of a JSON value without the fields that are null."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def accepted(answer: Any) -> bool:
    """Whether a non-streamed answer has all fields that the gateway requires."""
    if not isinstance(answer, dict) or not isinstance(usage := answer.get("usage"), dict):
        return False
    if not all(type(usage.get(name)) is int for name in USAGE_FIELDS):
        return False
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        return False
    return all(isinstance(choice, dict) and _choice_accepted(choice) for choice in choices)


def _choice_accepted(choice: Json) -> bool:
    message = choice.get("message")
    artifacts = message.get("artifacts") or [] if isinstance(message, dict) else [None]
    named = all(isinstance(each, dict) and each.get("display_name") for each in artifacts)
    return choice.get("finish_reason") in FINISH_REASONS and named


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # one request per connection
    competitor: str

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._send_json(200, b'{"status": "ok"}') if self.path == "/health" else self._send_json(404, b"{}")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        body = without_nulls({"enable_memory": False, "debug": False, **asked})
        connection = self._connected()
        with suppress(ConnectionError):  # the caller may disconnect
            try:
                connection.request("POST", urlsplit(self.competitor).path + CHAT, json.dumps(body), self._headers())
                response = connection.getresponse()
                self._pass_on(response, connection, streamed=bool(asked.get("stream")))
            except (OSError, http.client.HTTPException):
                self._send_json(500, b'{"detail": "Internal Server Error"}')
            finally:
                connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.competitor)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)

    def _headers(self) -> dict[str, str]:
        ids = {name: self.headers.get(name) or uuid.uuid4().hex for name in ("X-Request-Id", "X-Correlation-ID")}
        fixed = {"Content-Type": "application/json", "Accept-Encoding": "gzip", "X-Upstream-Service": "competitor"}
        return {**fixed, **ids}

    def _pass_on(
        self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, *, streamed: bool
    ) -> None:
        if response.status >= 300:
            self._send_json(500, b'{"detail": "Internal Server Error"}')
        elif streamed:
            self._send_stream(response, connection)
        else:
            self._send_whole(response.read())

    def _send_whole(self, body: bytes) -> None:
        try:
            good = accepted(json.loads(body))
        except ValueError:
            good = False
        self._send_json(200, body) if good else self._send_json(500, b'{"detail": "Internal Server Error"}')

    def _send_stream(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        deadline = time.monotonic() + FIRST_TOKEN_SECONDS
        has_token = False
        while (line := response.readline(MAX_LINE_BYTES)) and (has_token or time.monotonic() < deadline):
            if line.startswith((b"data:", b":")):
                self.wfile.write(line.rstrip(b"\r\n") + b"\n\n")
                self.wfile.flush()
                has_token = has_token or is_token(line)

    def _send_json(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def is_token(line: bytes) -> bool:
    """Whether a line of a stream counts as a token: it has text, reasoning or a tool call."""
    try:
        choices = json.loads(line.removeprefix(b"data:"))["choices"]
        return any(choice["delta"].get(name) for choice in choices for name in TOKEN_FIELDS)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
