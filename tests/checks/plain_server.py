"""A simple server that follows the contract. It uses only the standard library and shares no code with the template.

It shows that the checks accept any correct server. A mutant is a subclass of `Plain` that breaks one clause, usually
by overriding one method. `python -m tests.checks.plain_server` serves it at PORT.
"""

import http.client
import json
import math
import os
import queue
import select
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from .plain_artifacts import Shelf

Json = dict[str, Any]

PLATFORM_HOST = ".chutes.ai"
PASSED_ON = [
    *("temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "seed", "presence_penalty"),
    *("frequency_penalty", "logit_bias", "parallel_tool_calls", "reasoning_effort", "response_format"),
    *("tool_choice", "user", "metadata"),
]
NUMBERS = {"temperature": (0, 2), "top_p": (0, 1), "max_tokens": (1, math.inf), "max_completion_tokens": (1, math.inf)}
TYPES = {"stream": bool, "stream_options": dict, "tools": list, "generation_flags": dict, "chutes_access_token": str}
MAX_BODY, MAX_VALUES = 10 * 2**20, 200_000
MIN_TOKEN_CHARACTERS = 8
PART_TYPES = ("text", "image_url", "file")


OWN_TOOL: Json = {"type": "function", "function": {"name": "calculator", "parameters": {"type": "object"}}}


class Refused(Exception):
    def __init__(self, param: str | None, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.param, self.status = param, status


class UpstreamFailed(Exception):
    """The upstream failed. The answer must say so."""


class Plain:
    """The behaviour of the server; one instance for each server. Mutants override a method."""

    handler_bases: tuple[type, ...] = ()  # classes of mutants that come before `Handler`
    ping_seconds = 1.0
    words_seconds = 1.5

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.base_url = self.read_base_url(environment)
        self.timeout = float(environment.get("JANUS_TIMEOUT", 300))
        self.debug = environment.get("DEBUG") == "true"
        self.started = time.monotonic()
        self.asked = self.running = self.failed = self.tokens = 0
        self.shelf = self.read_shelf(environment)
        self.token_hosts = (PLATFORM_HOST, *(f".{host}" for host in environment.get("JANUS_TOKEN_HOSTS", "").split()))
        self.keyed = any(environment.get(name) for name in ("JANUS_LLM_API_KEY", "OPENAI_API_KEY", "CHUTES_API_KEY"))
        self.debug_hosts = environment.get("JANUS_DEBUG_HOSTS", "").split()
        self.watched: dict[str, queue.Queue[Json | None]] = {}
        self.followed: set[str] = set()
        self.lock = threading.Lock()

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return Shelf(environment)

    def read_base_url(self, environment: Mapping[str, str]) -> str | None:
        return environment.get("JANUS_LLM_BASE_URL") or environment.get("OPENAI_BASE_URL")

    # Section 1.

    def route(self, method: str, path: str) -> str | None:
        routes = {
            ("POST", "/v1/chat/completions"): "chat",
            ("GET", "/health"): "health",
            ("GET", "/v1/models"): "models",
            ("GET", "/metrics"): "metrics",
            ("GET", "/debug"): "debug" if self.debug else None,
        }
        if method == "GET" and path.startswith("/v1/debug/stream/") and self.debug:
            return "debug_stream"
        return routes.get((method, path))

    def health(self) -> tuple[int, Json]:
        up = time.monotonic() - self.started
        fixed = {"status": "ok", "version": "1", "contract_version": "1.0.0", "backend": "plain", "model": "m"}
        return 200, {**fixed, "uptime_seconds": up}

    def models(self) -> tuple[int, Json]:
        return 200, {"object": "list", "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "plain"}]}

    def figures(self) -> dict[str, float]:
        return {
            "requests_total": self.asked,
            "errors_total": self.failed,
            "requests_in_flight": self.running,
            "ttft_seconds_max": 0.4,
            "gap_seconds_max": self.ping_seconds,
            "tokens_total": self.tokens,
            "artifacts_total": 0,
            "sandbox_seconds_total": 0,
        }

    def metrics(self, accept: str) -> tuple[str, bytes]:
        if accept == "application/json":
            return accept, json.dumps(self.figures()).encode()
        return "text/plain; version=0.0.4", "".join(f"{n} {v}\n" for n, v in self.figures().items()).encode()

    def debug_host(self, host: str) -> bool:
        return host.partition(":")[0] in ("127.0.0.1", "localhost")

    def debug_stream_host(self, host: str) -> bool:
        return self.debug_host(host) or host.partition(":")[0] in self.debug_hosts

    def debug_event(self, id: str, kind: str, step: str, message: str) -> Json:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"request_id": id, "timestamp": now, "type": kind, "step": step, "message": message}

    def follow(self, id: str) -> str:
        """Begins to follow a request, and returns the id under which it does so."""
        with self.lock:
            names = (id, *(f"{id}-{number}" for number in range(2, 99)))
            free = next(name for name in names if name not in self.followed)
            self.followed.add(free)
        self.tell(free, self.debug_event(free, "request_received", "REQ", "A request came."))
        return free

    def tell(self, id: str, event: Json | None) -> None:
        self.watched.setdefault(id, queue.Queue()).put(event)

    def debug_of(self, id: str, delta: Json) -> None:
        """Tells the watchers of a request about the artifacts in a delta."""
        for item in delta.get("janus", {}).get("payload", {}).get("items", ()):
            event = self.debug_event(id, "artifact_generated", "AGENT", "It made an artifact.")
            self.tell(id, {**event, "data": {"filename": item.get("display_name")}})

    def unfollow(self, id: str) -> None:
        self.tell(id, self.debug_event(id, "response_complete", "SSE", "The answer has ended."))
        self.tell(id, None)

    def debug_frame(self, event: Json) -> bytes:
        return b"data: " + json.dumps(event).encode() + b"\n\n"

    def over(self) -> None:
        """Called when an answer has ended."""
        self.running -= 1

    def offline_text(self) -> str:
        return "I am an offline model and can say little."

    # Section 2.

    def parse(self, body: bytes) -> Json:
        def finite(text: str) -> float:
            number = float(text)
            if not math.isfinite(number):
                raise ValueError("not finite")
            return number

        def constant(name: str) -> float:
            raise ValueError(f"{name} is not JSON")

        try:
            given = json.loads(body.decode(), parse_float=finite, parse_constant=constant)
            json.dumps(given, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            raise Refused(
                "temperature, metadata, messages or messages[0].content", "not JSON that every parser accepts"
            ) from None
        if not isinstance(given, dict):
            raise Refused(None, "not an object")
        self.check_values(given)
        return given

    def check_values(self, given: Json) -> None:
        waiting, count = [given], 0
        while waiting:
            value: Any = waiting.pop()
            count += 1
            waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if count > MAX_VALUES:
            raise Refused(None, "too many values")

    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        if size > MAX_BODY:
            raise Refused(None, "too large", 413)
        if headers.get("content-type", "").partition(";")[0] != "application/json" or "content-encoding" in headers:
            raise Refused("content-type", "send plain application/json", 415)

    def check(self, asked: Json) -> None:
        if not isinstance(asked.get("model"), str):
            raise Refused("model", "model is required")
        for name, (low, high) in NUMBERS.items():
            value = asked.get(name)
            if value is not None and (isinstance(value, bool | str) or not low <= value <= high):
                raise Refused(name, f"{name} is out of range")
        for name, kind in TYPES.items():
            if asked.get(name) is not None and not isinstance(asked[name], kind):
                raise Refused(name, f"{name} has a wrong type")
        if (asked.get("n") or 1) != 1:
            raise Refused("n", "n is 1")
        if (asked.get("response_format") or {"type": "text"})["type"] not in ("text", "json_object", "json_schema"):
            raise Refused("response_format", "an unknown format")
        self.check_tools(asked)
        self.check_messages(asked.get("messages"))

    def check_tools(self, asked: Json) -> None:
        names = set()
        for number, tool in enumerate(asked.get("tools") or ()):
            if tool.get("type") == "custom":
                raise Refused(f"tools[{number}].type", "custom tools are not supported")
            if not isinstance(tool.get("function", {}).get("name"), str):
                raise Refused(f"tools[{number}].function.name", "a tool needs a name")
            names.add(tool["function"]["name"])
        choice = asked.get("tool_choice")
        if any(name not in names for name in self.chosen(choice)):
            raise Refused("tool_choice", "not one of the tools")
        if choice is not None and not isinstance(choice, dict | str):
            raise Refused("tool_choice", "a wrong type")

    def chosen(self, choice: Any) -> list[str]:
        """The names of the tools in a tool_choice."""
        if not isinstance(choice, dict):
            return []
        given = choice["allowed_tools"]["tools"] if choice.get("type") == "allowed_tools" else [choice]
        return [each["function"]["name"] for each in given]

    def check_messages(self, messages: Any) -> None:
        if not isinstance(messages, list) or not messages:
            raise Refused("messages", "messages are required")
        for number, message in enumerate(messages):
            where = f"messages[{number}]"
            if not isinstance(message, dict):
                raise Refused(where, "a message is an object")
            if message.get("role") not in ("system", "developer", "user", "assistant", "tool"):
                raise Refused(f"{where}.role", "an unknown role")
            if not isinstance(message.get("tool_calls", []), list):
                raise Refused(f"{where}.tool_calls", "a wrong type")
            if message["role"] == "tool" and not isinstance(message.get("tool_call_id"), str):
                raise Refused(f"{where}.tool_call_id", "it is required")
            self.check_content(message, where)

    def check_content(self, message: Json, where: str) -> None:
        content = message.get("content")
        if content is not None and not isinstance(content, str | list):
            raise Refused(f"{where}.content", "a wrong type")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            known = (*PART_TYPES, "refusal") if message["role"] == "assistant" else PART_TYPES
            if part["type"] not in known:
                raise Refused(f"{where}.content[{number}].type", f"use one of {', '.join(known)}")

    def upstream_body(self, asked: Json) -> Json:
        tools = {tool["function"]["name"]: tool for tool in reversed(asked.get("tools") or [])}
        if OWN_TOOL["function"]["name"] in json.dumps(asked["messages"]):
            tools |= {OWN_TOOL["function"]["name"]: OWN_TOOL}
        body = {name: asked[name] for name in PASSED_ON if asked.get(name) is not None}
        choice = body.get("tool_choice")
        if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
            body["tool_choice"] = choice["allowed_tools"]["mode"]
            tools = {name: tool for name, tool in tools.items() if name in self.chosen(choice)}
        if tools:
            body["tools"] = list(tools.values())
        options = {"stream": True, "stream_options": {"include_usage": True}}
        return {**body, **options, "model": "mock", "messages": self.shelf.without_bytes(asked["messages"])}

    def key(self, asked: Json) -> str | None:
        host = urlsplit(self.base_url or "").hostname or ""
        token = asked.get("chutes_access_token") or ""
        usable = len(token) >= MIN_TOKEN_CHARACTERS and f".{host}".endswith(self.token_hosts)
        return token if usable else None

    def is_offline(self, asked: Json) -> bool:
        """Whether no upstream can serve this request: there is none, or it is the platform's and there is no key."""
        host = urlsplit(self.base_url or "").hostname or ""
        return self.base_url is None or (f".{host}".endswith(PLATFORM_HOST) and not self.keyed and not self.key(asked))

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        names = ["x-request-id", "x-correlation-id", *(["x-debug-request-id"] if self.debug else [])]
        return {name: headers[name] for name in names if name in headers}

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        error = {
            "message": f"{refused} ({refused.param})",
            "type": "invalid_request_error",
            "param": refused.param,
            "code": "bad",
        }
        return refused.status, {"error": error}

    # Sections 3 to 5.

    def answer_id(self, headers: Mapping[str, str]) -> str:
        given = headers.get("x-request-id", "")
        usable = 0 < len(given) <= 128 and given.replace(".", "").replace("-", "").replace("_", "").isalnum()
        return given if usable else f"chatcmpl-{uuid.uuid4().hex[:24]}"

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        choice = {"index": 0, "message": {"role": "assistant", "artifacts": [], **message}, "finish_reason": reason}
        fixed = {"id": id, "object": "chat.completion", "created": 1, "model": asked["model"]}
        return {**fixed, "choices": [choice], "usage": usage}

    def whole_status(self, text: str) -> int:
        return 200

    def first_delta(self) -> Json | None:
        return {"role": "assistant"}

    def stream_headers(self) -> dict[str, str]:
        return {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

    def frame(self, chunk: Json) -> bytes:
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"

    def chunk(self, fixed: Json, delta: Json) -> Json:
        return {**fixed, "choices": [{"index": 0, "delta": delta}]}

    def ping(self) -> bytes:
        return b": ping\n\n"

    def words(self) -> Json | None:
        return {"reasoning_content": "Still waiting. "}

    def fragment(self, piece: Json) -> Json:
        return piece

    def reason(self, given: str) -> str:
        return given if given in ("stop", "length", "tool_calls", "content_filter") else "stop"

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        prompt = (
            sum(len(str(m.get("content"))) for m in asked["messages"] if isinstance(m.get("content"), str)) // 4 + 1
        )
        counted = counted or {"prompt_tokens": prompt, "completion_tokens": len(text) // 4 + 1}
        total = counted["prompt_tokens"] + counted["completion_tokens"]
        return {**counted, "total_tokens": total}

    def sum_of(self, turns: list[Json]) -> Json | None:
        """The sum of the upstream's counts, one for each turn that had one."""
        if not turns:
            return None
        return {name: sum(turn[name] for turn in turns) for name in ("prompt_tokens", "completion_tokens")}

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        finish = {**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
        yield self.frame(finish if apart else {**finish, "usage": usage})
        if apart:
            yield self.frame({**fixed, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"

    def failed_text(self, failure: str) -> str:
        return f"The model's server failed: {failure}"

    def allowed_call(self, name: str, asked: Json) -> bool:
        return any(tool["function"]["name"] == name for tool in asked.get("tools") or ())

    def leaves_upstream(self) -> bool:
        return True

    def watches_client(self) -> bool:
        return True

    def answer_seconds(self) -> float:
        return self.timeout / 2 if self.timeout < 20 else self.timeout - 10

    def scripted(self, asked: Json) -> Iterator[Json] | None:
        """The deltas for a prompt that asks for events or an artifact; None for other prompts."""
        if (deltas := self.shelf.asked(asked["messages"][-1].get("content"))) is not None:
            return iter(deltas)
        if (prompt := asked["messages"][-1].get("content")) not in ("events", "unpaired"):
            return None
        status = "ok" if prompt == "events" else "error"
        start = {"event": "tool_start", "payload": {"name": "search", "status": "running", "id": "t1"}}
        end = {"event": "tool_end", "payload": {"name": "search", "status": status, "id": "t1", "duration_ms": 5}}
        return iter(self.events(start, end))

    def events(self, start: Json, end: Json) -> list[Json]:
        return [
            {"reasoning_content": "Searching. ", "janus": start},
            {"reasoning_content": "Searched. ", "janus": end},
            {"content": "Done."},
        ]

    def connection(self, asked: Json) -> http.client.HTTPConnection:
        parts = urlsplit(self.base_url or "")
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=90)

    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        """Sends the request to the upstream and returns its response. Raises `UpstreamFailed`."""
        parts = urlsplit(self.base_url or "")
        headers = {"content-type": "application/json"}
        if key := self.key(asked):
            headers["authorization"] = f"Bearer {key}"
        connection.request("POST", f"{parts.path}/chat/completions", json.dumps(self.upstream_body(asked)), headers)
        response = connection.getresponse()
        if response.status != 200:
            raise UpstreamFailed(f"HTTP {response.status}")
        return response


class Relay(threading.Thread):
    """Reads the upstream's answer in a thread. Puts deltas into a queue, and at the end None or an exception."""

    def __init__(self, plain: Plain, asked: Json) -> None:
        super().__init__(daemon=True)
        self.plain, self.asked = plain, asked
        self.queue: queue.Queue[Json | Exception | None] = queue.Queue(1000)
        self.connection: http.client.HTTPConnection | None = None
        self.left = False
        self.usage: Json | None = None
        self.finish = ""
        self.calls: set[int] = set()
        self.own_calls: dict[int, Json] = {}
        self.turns: list[Json] = []

    def run(self) -> None:
        try:
            if (own := self.plain.scripted(self.asked)) is not None:
                for delta in own:
                    self.queue.put(delta)
            elif self.plain.is_offline(self.asked):
                self.offline()
            else:
                self.online()
            self.queue.put(None)
        except Exception as error:  # of any kind: the answer must say so
            self.queue.put(error)
        finally:
            if self.connection is not None:
                self.connection.close()

    def offline(self) -> None:
        choice = self.asked.get("tool_choice")
        self.queue.put({"reasoning_content": "Thinking. "})
        if isinstance(choice, dict) or choice == "required":
            name = self.asked["tools"][0]["function"]["name"]
            self.call(
                {
                    "index": 0,
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": name, "arguments": '{"city": "x"}'},
                }
            )
            self.finish = "tool_calls"
        else:
            self.queue.put({"content": self.plain.offline_text()})

    def online(self) -> None:
        """Asks the upstream, and again with the result of each call of the server's own tool."""
        asked = self.asked
        while True:
            self.own_calls, self.usage, self.finish = {}, None, ""
            self.turn(asked)
            if self.usage is not None:
                self.turns.append(self.usage)
            if not self.own_calls or self.left:
                break
            results = [
                {"role": "tool", "tool_call_id": call["id"], "content": "391"} for call in self.own_calls.values()
            ]
            said = {"role": "assistant", "content": "", "tool_calls": list(self.own_calls.values())}
            asked = {**asked, "messages": [*asked["messages"], said, *results]}
        self.usage = self.plain.sum_of(self.turns)

    def turn(self, asked: Json) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = self.plain.connection(asked)
        self.connection.connect()
        if self.left:  # the client left before there was a connection to end
            return
        done = False
        with self.plain.respond(self.connection, asked) as response:
            if response.headers.get_content_type() != "text/event-stream":
                raise UpstreamFailed("no stream")
            while not self.left and (line := response.readline()):
                if line.strip() == b"data: [DONE]":
                    done = True
                elif line.startswith(b"data: "):
                    self.read(json.loads(line[6:]))
        if not done and not self.finish:
            raise UpstreamFailed("it broke off")

    def read(self, chunk: Json) -> None:
        if "error" in chunk:
            raise UpstreamFailed("an error in the stream")
        places = (chunk, *chunk.get("choices", ()), chunk.get("x_groq") or {})
        if found := next((place["usage"] for place in places if place.get("usage")), None):
            self.usage = {name: found[name] for name in ("prompt_tokens", "completion_tokens")}
        for choice in chunk.get("choices", ()):
            delta = choice["delta"]
            for name in ("content", "reasoning_content"):
                if delta.get(name):
                    self.queue.put({name: delta[name]})
            for piece in delta.get("tool_calls", ()):
                self.call(piece)
            self.finish = choice.get("finish_reason") or self.finish

    def call(self, piece: Json) -> None:
        name = piece["function"].get("name")
        if name == OWN_TOOL["function"]["name"]:
            self.own_calls[piece["index"]] = {**piece, "function": dict(piece["function"])}
        elif piece["index"] in self.own_calls:
            self.own_calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
        if name and self.plain.allowed_call(name, self.asked):
            self.calls.add(piece["index"])
        if piece["index"] in self.calls:
            self.queue.put({"tool_calls": [self.plain.fragment(piece)]})

    def leave(self) -> None:
        self.left = True
        if self.connection is not None and self.connection.sock is not None:
            with suppress(OSError):
                self.connection.sock.shutdown(socket.SHUT_RDWR)


class Gone(Exception):
    """The client has disconnected."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # one request per connection; closing it ends the body
    plain: Plain
    debug_id = ""

    def log_message(self, *_: object) -> None:
        pass

    def lower(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def do_GET(self) -> None:
        route = self.plain.route("GET", self.path)
        if route in ("health", "models"):
            self.reply(*(self.plain.health() if route == "health" else self.plain.models()))
        elif route == "metrics":
            self.reply_with(200, *self.plain.metrics(self.headers.get("accept", "")))
        elif route == "debug" and self.plain.debug_host(self.headers["host"]):
            self.reply_with(200, "text/html", b"<h1>debug</h1>")
        elif route == "debug_stream" and self.plain.debug_stream_host(self.headers["host"]):
            self.debug_stream(self.path.rpartition("/")[2])
        elif self.path.startswith(("/artifacts/", "/v1/artifacts/")):
            self.artifact()
        else:
            self.reply(404, {"error": {"message": "not here", "type": "x", "param": None, "code": "not_found"}})

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def artifact(self) -> None:
        status, headers, data = self.plain.shelf.served(self.path, self.lower())
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def debug_stream(self, id: str) -> None:
        events = self.plain.watched.setdefault(id, queue.Queue())
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        with suppress(OSError, queue.Empty):
            while (event := events.get(timeout=10)) is not None:
                self.wfile.write(self.plain.debug_frame(event))

    def read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def do_POST(self) -> None:
        body = self.read_body()
        if self.plain.route("POST", self.path) is None:
            self.reply(307, {}, {"Location": "/v1/chat/completions/"})
            return
        try:
            self.plain.check_headers(self.lower(), len(body))
            asked = self.plain.parse(body)
            self.plain.check(asked)
        except Refused as refused:
            self.reply(*self.plain.refusal(refused), self.plain.echoed(self.lower()))
            return
        self.plain.asked += 1
        self.plain.running += 1
        if asked.get("debug") and (asked_as := self.headers.get("x-debug-request-id")):
            self.debug_id = self.plain.follow(asked_as)
            self.headers.replace_header("x-debug-request-id", self.debug_id)
        try:
            with suppress(Gone, ConnectionError):
                self.answer(asked)
        finally:
            self.plain.over()
            if self.debug_id:
                self.plain.unfollow(self.debug_id)

    def reply(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        self.reply_with(status, "application/json", json.dumps(body).encode(), headers)

    def reply_with(self, status: int, kind: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": kind, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def answer(self, asked: Json) -> None:
        plain, number = self.plain, self.plain.answer_id(self.lower())
        relay = Relay(plain, asked)
        relay.start()
        fixed = {"id": number, "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
        streamed = bool(asked.get("stream"))
        deltas: list[Json] = []
        reason = None
        try:
            if streamed:
                self.begin_stream(fixed)
            for delta in self.deltas(relay, fixed, streamed):
                deltas.append(delta)
                if self.debug_id:
                    plain.debug_of(self.debug_id, delta)
                if streamed:
                    self.write(plain.frame(plain.chunk(fixed, delta)))
        except TimeoutError:
            reason = "length"
        except Gone:
            raise
        except Exception as error:
            reason = "stop"
            plain.failed += 1
            delta = {"content": plain.failed_text(type(error).__name__)}
            deltas.append(delta)
            if streamed:
                self.write(plain.frame(plain.chunk(fixed, delta)))
        finally:
            if plain.leaves_upstream():
                relay.leave()
        called = any("tool_calls" in delta for delta in deltas)
        reason = reason or plain.reason(
            "tool_calls" if called else relay.finish if relay.finish != "tool_calls" else "stop"
        )
        text = "".join(delta.get("content", "") for delta in deltas)
        usage = plain.usage(relay.usage, asked, text)
        plain.tokens += int(usage["total_tokens"])
        if streamed:
            apart = bool((asked.get("stream_options") or {}).get("include_usage"))
            for data in plain.end(fixed, reason, usage, apart):
                self.write(data)
        else:
            message: Json = {
                "content": text,
                "reasoning_content": "".join(delta.get("reasoning_content", "") for delta in deltas),
            }
            if items := [
                item for delta in deltas for item in delta.get("janus", {}).get("payload", {}).get("items", ())
            ]:
                message["artifacts"] = items
            if called:
                message["tool_calls"] = assembled(deltas)
            status = plain.whole_status(text)
            self.reply(status, plain.whole(number, asked, message, reason, usage), plain.echoed(self.lower()))

    def begin_stream(self, fixed: Json) -> None:
        self.send_response(200)
        for name, value in {**self.plain.stream_headers(), **self.plain.echoed(self.lower())}.items():
            self.send_header(name, value)
        self.end_headers()
        if (delta := self.plain.first_delta()) is not None:
            self.write(self.plain.frame(self.plain.chunk(fixed, delta)))

    def deltas(self, relay: Relay, fixed: Json, streamed: bool) -> Iterator[Json]:
        """Yields the relay's deltas, and sends pings and notes. Raises `Gone`, `TimeoutError` or the relay's error."""
        began = worded = pinged = time.monotonic()
        patience = 0.4
        while True:
            now = time.monotonic()
            if now - began > self.plain.answer_seconds():
                raise TimeoutError
            if self.plain.watches_client() and self.gone():
                raise Gone
            try:
                item = relay.queue.get(timeout=0.05)
            except queue.Empty:
                if streamed and now - worded >= patience:
                    worded, patience = now, self.plain.words_seconds
                    if (words := self.plain.words()) is not None:
                        self.write(self.plain.frame(self.plain.chunk(fixed, words)))
                        pinged = now
                if streamed and now - pinged >= self.plain.ping_seconds:
                    pinged = now
                    self.write(self.plain.ping())
                continue
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
            worded = pinged = time.monotonic()
            yield item

    def gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            raise Gone from None


def assembled(deltas: list[Json]) -> list[Json]:
    calls: dict[int, Json] = {}
    for delta in deltas:
        for piece in delta.get("tool_calls", ()):
            if piece["index"] in calls:
                calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
            else:
                function = dict(piece["function"])
                calls[piece["index"]] = {"id": piece["id"], "type": "function", "function": function}
    return list(calls.values())


class PlainServer:
    """Serves a `Plain` on a loopback port, as a context manager. `url` is its base URL. Port 0 is a free one."""

    def __init__(self, plain: Plain, port: int = 0) -> None:
        handler = type("PlainHandler", (*plain.handler_bases, Handler), {"plain": plain})
        kind = type("Server", (ThreadingHTTPServer,), {"request_queue_size": 128})
        self.server = kind(("127.0.0.1", port), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        plain.shelf.url = self.url

    def __enter__(self) -> "PlainServer":
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    with PlainServer(Plain(os.environ), int(os.environ["PORT"])):
        threading.Event().wait()
