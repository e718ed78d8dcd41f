"""Makes the slips of `slips.py` in a generated repo, in one process, and prints what its owner sees of each, as JSON.

`python -m tests.slips.driver REPO`: the repo's `competitor/backend/agent.py` is replaced again and again.
"""

import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .slips import HEAD, SLIPS, TOOL

KEEP_AWAY = "nobody"  # an upstream at whose port nobody listens
RESPONSES = {
    "401": (401, b'{"error": {"message": "Incorrect API key"}}'),
    "model": (404, b'{"error": {"message": "The model gpt-0 does not exist"}}'),
    "404": (404, b"Not Found"),
    "html": (200, b"<html><body>Welcome</body></html>"),
    "tool": (200, b""),
}


class _Model(BaseHTTPRequestHandler):
    """A model's server; the first part of the path is a key of `RESPONSES`."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        kind = self.path.split("/")[1]
        status, body = RESPONSES[kind]
        if kind == "tool":
            called = any(message["role"] == "tool" for message in asked["messages"])
            call = {
                "index": 0,
                "id": "c",
                "type": "function",
                "function": {"name": "double", "arguments": '{"number": 2}'},
            }
            delta = {"content": "Done."} if called else {"tool_calls": [call]}
            chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}
            body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        self.send_response(status)
        kind = (
            "text/html"
            if body.startswith(b"<")
            else "text/event-stream"
            if body.startswith(b"data")
            else "application/json"
        )
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def model_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def seen(repo: Path, code: str, upstream: str | None, *, development: bool = True) -> dict[str, Any]:
    """What the owner sees after one question: the answer, the lines of the log, and the record of the console."""
    from starlette.testclient import TestClient

    from competitor.core.answer.backend import load
    from competitor.core.observe.slips import check_syntax, explained
    from competitor.core.server.app import create_app
    from competitor.core.settings import Settings

    (repo / "competitor" / "backend" / "agent.py").write_text(code, encoding="utf-8")
    for name in [name for name in sys.modules if name.startswith("competitor.backend")]:
        del sys.modules[name]
    log = _Lines()
    logging.getLogger().addHandler(log)
    try:
        environment = {"JANUS_DEBUG": "true", "JANUS_DEVELOPMENT": str(development), "JANUS_PACING": "off"}
        if upstream is not None:
            environment |= {"JANUS_LLM_BASE_URL": upstream, "JANUS_LLM_MODEL": "gpt-0", "JANUS_LLM_ATTEMPTS": "1"}
        try:
            check_syntax()
            backend = load(wait=True)
        except Exception as error:
            return {"load": explained(error)}
        with TestClient(create_app(Settings.from_environment(environment), backend), client=("127.0.0.1", 1)) as client:
            client.base_url = "http://localhost"
            request = {"model": "any", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
            answer = client.post("/v1/chat/completions", json=request).text
            (head,) = client.get("/debug/requests").json()["requests"]
            record = client.get(f"/debug/requests/{head['number']}").json()
        return {
            "answer": "".join(text_of(line) for line in answer.splitlines()),
            "log": log.lines,
            "console": record["summary"].get("advice"),
            "record": json.dumps(record),
        }
    finally:
        logging.getLogger().removeHandler(log)


def text_of(line: str) -> str:
    choices = json.loads(line[6:])["choices"] if line.startswith("data: {") else []
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def main(repo: Path) -> dict[str, Any]:
    sys.path.insert(0, str(repo))
    sys.dont_write_bytecode = True  # agent.py changes several times a second
    warnings.simplefilter("default")
    found: dict[str, Any] = {}
    with model_server() as url:
        for slip in SLIPS:
            base = f"{url}/{slip.upstream}/v1" if slip.upstream else None
            if slip.upstream == KEEP_AWAY:
                base = "http://127.0.0.1:9/v1"
            found[slip.name] = {**seen(repo, HEAD + slip.code, base), "url": base}
        (misspelt,) = [slip for slip in SLIPS if slip.name == "an attribute is misspelt"]
        found["production"] = seen(repo, HEAD + misspelt.code, None, development=False)
        found["tool"] = seen(repo, HEAD + TOOL, f"{url}/tool/v1")
    return found


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1])), sys.stdout)
