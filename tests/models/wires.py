"""Reads the wires, and serves them: the upstream sends the wire that the last user message names."""

import json
import re
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Json = dict[str, Any]
Rule = Callable[[Json], str]


@dataclass(frozen=True)
class Wire:
    """One answer of a server. `seen` is what a client must see of it."""

    server: str
    name: str
    file: Path
    quirk: str
    source: str
    seen: Json
    status: int = 200
    content_type: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.server}/{self.file.name}"

    @property
    def kind(self) -> str:
        return self.content_type or ("application/json" if self.file.suffix == ".json" else "text/event-stream")


def read() -> list[Wire]:
    found = []
    for file in sorted(FOLDER.glob("*/server.toml")):
        server = tomllib.loads(file.read_text(encoding="utf-8"))
        for wire in server["wire"]:
            given = {**wire, "file": file.parent / wire["file"]}
            found.append(Wire(server=file.parent.name, name=server["name"], **given))
    return found


WIRES = {wire.id: wire for wire in read()}

_STREAM = 'data: {"choices":[{"index":0,"delta":%s,"finish_reason":null}]}\n\n'
_END = (
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"%s"}],'
    '"usage":{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27}}\n\ndata: [DONE]\n\n'
)


def text(said: str) -> str:
    """A usual stream with this text."""
    return _STREAM % json.dumps({"content": said}) + _END % "stop"


def call(name: str, arguments: Json, *, reasoning: str = "", fields: Json | None = None) -> str:
    """A usual stream with one tool call, with reasoning before it and a vendor's fields if given."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    piece = {"index": 0, "id": "call_1", "type": "function", "function": function, **(fields or {})}
    thought = _STREAM % json.dumps({"reasoning_content": reasoning}) if reasoning else ""
    return thought + _STREAM % json.dumps({"tool_calls": [piece]}) + _END % "tool_calls"


@dataclass
class ModelServer:
    """A running upstream. Set `answers` and `rule` for a test; `asked` are the bodies of all requests, `keys` the keys.

    After the result of a tool it answers with a sentence. `rule` returns the text of a 400 for a body that the server
    refuses, or an empty text.
    """

    url: str = ""
    answers: list[str] = field(default_factory=list)  # in turn; if there are none, the wire that the prompt names
    rule: Rule = lambda body: ""
    asked: list[Json] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    models: Json = field(default_factory=lambda: {"object": "list", "data": [{"id": "small"}, {"id": "large"}]})

    def reset(self, *answers: str, rule: Rule = lambda body: "") -> None:
        self.answers, self.rule, self.asked, self.keys = list(answers), rule, [], []

    def respond(self, body: Json) -> tuple[int, str, dict[str, str], bytes]:
        self.asked.append(body)
        if refusal := self.rule(body):
            return 400, "application/json", {}, json.dumps({"error": {"message": refusal}}).encode()
        if self.answers:
            return 200, "text/event-stream", {}, self.answers.pop(0).encode()
        if body["messages"][-1]["role"] == "tool":
            return 200, "text/event-stream", {}, text("The tool has answered.").encode()
        named = re.search(r"wire: (\S+)", json.dumps(body["messages"]))
        assert named is not None
        wire = WIRES[named[1].strip('"}]')]
        return wire.status, wire.kind, wire.headers, wire.file.read_bytes()


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Runs an upstream in a thread."""
    running = ModelServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            running.keys.append(self.headers["authorization"])
            self.answer(*running.respond(body))

        def do_GET(self) -> None:
            self.answer(200, "application/json", {}, json.dumps(running.models).encode())

        def answer(self, status: int, kind: str, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    running.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()


def table() -> str:
    """The servers and what differs from OpenAI, as a table in Markdown, with a line break at the end."""
    rows = ["| Server | What differs | A client sees | Source |", "| --- | --- | --- | --- |"]
    last = ""
    for wire in WIRES.values():
        name, last = ("" if wire.name == last else wire.name), wire.name
        rows.append(f"| {name} | {wire.quirk} | {_in_words(wire.seen)} | {wire.source} |")
    return "\n".join(rows) + "\n"


def _in_words(seen: Json) -> str:
    parts = []
    if "reasoning" in seen:
        parts.append("reasoning")
    if seen.get("text", "*") != "*":
        parts.append("text")
    if calls := seen.get("calls"):
        parts.append("a tool call" if len(calls) == 1 else f"{len(calls)} tool calls")
    if "extra_content" in str(calls):
        parts.append("the vendor's field")
    if "artifact" in seen:
        parts.append("an artifact")
    if "failure" in seen:
        parts.append("a sentence about the failure")
    usage = ", usage" if "usage" in seen else ""
    return f"{', '.join(parts)}{usage}; `{seen['finish']}`"
