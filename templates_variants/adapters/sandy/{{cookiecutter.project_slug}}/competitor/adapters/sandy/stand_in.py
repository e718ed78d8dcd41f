"""A stand-in for the Sandy API, for `make run` without a sandbox service. The image does not contain it.
Contract file: replaced by updates.

`python -m competitor.adapters.sandy.stand_in` serves on a free port of this machine, prints its URL, and ends when its
input does. A sandbox is a temporary folder. Its agent is the small script `script`, not a model: it writes one file and
says so. `exec` knows three commands and runs no others, since nothing here confines them.
"""

import base64
import json
import re
import secrets
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

AGENTS = ("claude-code", "codex", "aider", "opencode", "openhands", "droid")
WORKSPACE, ARTIFACTS = "/workspace", "/workspace/artifacts"
MAX_BODY_BYTES = 32 * 2**20
_PATH = re.compile(r"/api/sandboxes(?:/(?P<id>[\w-]+)/(?P<what>[\w/]+))?")
_FILE = re.compile(r"\b[\w-]+\.[a-z]{2,4}\b")

Json = dict[str, Any]


class StandIn:
    """The sandboxes: their ids, each with its folder. `terminated` has the ids of those that have ended."""

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.terminated: list[str] = []
        self.asked: list[tuple[str, Json]] = []  # what was asked for, and with which body

    def close(self) -> None:
        for sandbox in tuple(self.folders):
            self.terminate(sandbox, {})

    def make(self) -> Json:
        sandbox = f"stand-in-{secrets.token_hex(6)}"
        self.folders[sandbox] = Path(tempfile.mkdtemp(prefix="sandy-"))
        self.place(sandbox, ARTIFACTS).mkdir(parents=True)
        return {"sandboxId": sandbox}

    def terminate(self, sandbox: str, asked: Json) -> Json:
        shutil.rmtree(self.folders.pop(sandbox), ignore_errors=True)
        self.terminated.append(sandbox)
        return {"success": True}

    def place(self, sandbox: str, path: str) -> Path:
        """Where a path of the sandbox is on this machine. Raises `ValueError` if it leads out of the sandbox."""
        folder = self.folders[sandbox].resolve()
        found = (folder / path.lstrip("/")).resolve()
        if not found.is_relative_to(folder):
            raise ValueError(f"{path} is not in the sandbox")
        return found

    def write(self, sandbox: str, asked: Json) -> Json:
        place = self.place(sandbox, str(asked["path"]))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(str(asked["content"]), encoding="utf-8")
        return {"success": True}

    def read(self, sandbox: str, asked: Json) -> Json:
        data = self.place(sandbox, str(asked["path"])).read_bytes()
        return {"content": data.decode("utf-8", "replace")}

    def execute(self, sandbox: str, asked: Json) -> Json:
        """Runs one of three commands: `find FOLDER`, `base64 FILE`, and `base64 -d FILE > FILE`."""
        words = shlex.split(str(asked["command"]))
        output = ""
        match [word for word in words if not word.startswith("-") or word == "-d"]:
            case ["find", path, *_]:
                folder = self.place(sandbox, path)
                found = sorted(each for each in folder.rglob("*") if each.is_file())
                output = "".join(f"{path}/{each.relative_to(folder).as_posix()}\n" for each in found)
            case ["base64", "-d", source, ">", goal]:
                self.place(sandbox, goal).write_bytes(base64.b64decode(self.place(sandbox, source).read_bytes()))
            case ["base64", path]:
                output = base64.b64encode(self.place(sandbox, path).read_bytes()).decode()
            case _:
                return {"stdout": "", "stderr": "The stand-in does not run this command.", "exitCode": 126}
        return {"stdout": output, "stderr": "", "exitCode": 0}

    def run(self, sandbox: str, asked: Json) -> Iterator[Json]:
        """The events of an agent."""
        began = time.monotonic()
        yield {"type": "status", "message": "This is a stand-in for a sandbox: its agent is a small script, no model."}
        yield {"type": "heartbeat"}
        yield from self.script(sandbox, str(asked["prompt"]))
        yield {"type": "complete", "success": True, "exitCode": 0, "duration": time.monotonic() - began}

    def script(self, sandbox: str, prompt: str) -> Iterator[Json]:
        """The agent: it writes the prompt into the file that the prompt names."""
        last = prompt.strip().rpartition("\n\n")[2]
        named = _FILE.search(last)
        path = f"{ARTIFACTS}/{named[0] if named else 'answer.md'}"
        tool = {"type": "tool_use", "id": f"toolu_{secrets.token_hex(6)}", "name": "Write", "input": {"file_path": path}}
        thought = {"type": "thinking", "thinking": f"I write what was asked into {path}."}
        yield {"type": "agent-output", "data": {"type": "assistant", "message": {"content": [thought, tool]}}}
        self.write(sandbox, {"path": path, "content": f"{last}\n"})
        result = {"type": "tool_result", "tool_use_id": tool["id"], "content": "The file was written."}
        yield {"type": "agent-output", "data": {"type": "user", "message": {"content": [result]}}}
        yield {"type": "files-update", "changes": [{"path": path, "changeType": "created"}]}
        answer = f"I have written {path.rpartition('/')[2]}. (stand-in for a sandbox)"
        for word in re.findall(r"\S+\s*", answer):
            yield {"type": "agent-output", "data": {"type": "stream_event", "event": {"delta": {"text": word}}}}
            time.sleep(0.02)
        said = {"content": [{"type": "text", "text": answer}]}
        yield {"type": "agent-output", "data": {"type": "assistant", "message": said}}
        yield {"type": "agent-output", "data": {"type": "result", "result": answer}}


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
                if asked.get("agent") not in AGENTS:
                    raise ValueError(f"agent must be one of {', '.join(AGENTS)}")
                self._stream(here.run(path["id"], asked))
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


def serve(stand_in: StandIn) -> ThreadingHTTPServer:
    """Starts a thread that serves these sandboxes on a free port of this machine."""
    handler = type("Serving", (Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main() -> None:
    stand_in = StandIn()
    server = serve(stand_in)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    try:
        sys.stdin.read()  # until the process that has started this one ends
    finally:
        stand_in.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
