"""Serves sandboxes as the Sandy API does."""
# Contract file: replaced by updates.

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .sandboxes import Json, StandIn

AGENTS = ("claude-code", "codex", "aider", "opencode", "openhands", "droid")
MAX_BODY_BYTES = 32 * 2**20
_PATH = re.compile(r"/api/sandboxes(?:/(?P<id>[\w-]+)/(?P<what>[\w/]+))?")


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of the Sandy API."""

    protocol_version = "HTTP/1.1"
    stand_in: StandIn

    def do_GET(self) -> None:
        self._answer({name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()})

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        try:
            asked = json.loads(self.rfile.read(min(size, MAX_BODY_BYTES)) or b"{}")
        except ValueError:
            asked = None
        self._answer(asked) if isinstance(asked, dict) else self._send(400, {"error": "not a JSON object"})

    def _answer(self, asked: Json) -> None:
        if self.headers.get("origin") or not str(self.headers.get("host")).startswith("127.0.0.1:"):
            self._send(403, {"error": "no web page may use this"})
            return
        here, path = self.stand_in, _PATH.fullmatch(urlsplit(self.path).path)
        if path is None or (path["id"] and path["id"] not in here.folders):
            self._send(404, {"error": "not found"})
            return
        here.asked.append((path["what"] or "make", asked))
        answers = {
            "POST exec": here.execute, "POST files/write": here.write, "GET files/read": here.read,
            "POST terminate": here.terminate,
        }  # fmt: skip
        try:
            if path["id"] is None:
                self._send(200, here.make())
            elif path["what"] == "agent/run":
                known = asked.get("agent") in AGENTS
                self._stream(here.run(path["id"], asked)) if known else self._send(400, {"error": "unknown agent"})
            elif answer := answers.get(f"{self.command} {path['what']}"):
                self._send(200, answer(path["id"], asked))
            else:
                self._send(404, {"error": "not found"})
        except (KeyError, ValueError, OSError) as error:
            self._send(400, {"error": f"{type(error).__name__}: {error}"})

    def _send(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: Iterator[Json]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        with suppress(OSError):  # the client has gone away
            for event in events:
                self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving(stand_in: StandIn) -> Iterator[tuple[str, StandIn]]:
    """Serves these sandboxes on a free port of this machine. Yields the URL, and the sandboxes."""
    handler = type("Serving", (Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", stand_in
    finally:
        server.shutdown()
        server.server_close()
        stand_in.close()
