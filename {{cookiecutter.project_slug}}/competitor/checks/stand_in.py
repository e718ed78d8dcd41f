"""The stand-in: an upstream server that does what a prompt tells it: silences, bursts, faults, wrong data.
Contract file: replaced by updates.

    python stand_in.py PORT          prints the port it listens on; PORT 0 chooses a free one

The last user message may contain `mock{...}`, a JSON object with the fields of `Script`. Its `turns` may be a list
of such objects for a conversation with tool calls: one for the first answer, one for the second, and so on.
A request without `"stream": true` gets the same as one JSON object, at the end. The server also has the routes
`GET /requests` (all requests so far, each with its `state`: open, cut off by the client, or done), which
`?with=WORDS` narrows to those whose messages have these words, `GET /stats`, and `GET /release/NAME`, which lets
requests with `"hold": "NAME"` continue.
It is a separate program that needs only the standard library. The checks start it (`prompts.stand_in`). You can also
start it by hand if you need an upstream that you control.
"""

import asyncio
import contextlib
import json
import socket
import struct
import sys
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
FIXED = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "mock"}


@dataclass
class Script:
    """How to answer one request. All times are in seconds."""

    tokens: int = 5
    word: str = "tok"
    delay: float = 0.0  # between tokens
    burst: int = 1  # number of tokens in one write
    reasoning: int = 0  # the number of tokens that are sent as reasoning, before the others
    reasoning_field: str = "reasoning_content"
    wait: float = 0.0  # before the response headers
    hold: str = ""  # wait with the response headers until `/release/` with this name is requested
    silence: float = 0.0  # pause in the middle of the tokens
    die: int = -1  # reset the connection after this many tokens
    close: int = -1  # close the connection properly after this many tokens
    endless: bool = False
    status: int = 200
    fail_times: int = 0  # use `status` only for this many requests with the same `key`
    key: str = ""
    headers: Json = field(default_factory=dict)
    page: str = ""  # send this as HTML
    raw: list[str] = field(default_factory=list)  # send only these strings as the body, one after the other
    kind: str = "text/event-stream"
    calls: list[Json] = field(default_factory=list)  # {"name", "arguments"}, streamed in fragments
    use_tool: bool = False  # call the first tool on offer but `get_weather`, which is the client's, if there is one
    finish: str = "stop"
    usage: bool = True
    done: bool = True
    error: bool = False  # send an error object in the middle
    whole: bool = False  # answer with one JSON object, although a stream was requested
    piece: int = 0  # write in pieces of this many bytes
    eol: str = "\n"
    gzip: bool = False


requests: list[Json] = []
failures: dict[str, int] = {}
released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
stats = {"open": 0, "cut": 0, "done": 0, "connections": 0}


def script_of(body: Json) -> Script:
    """Reads the script in the last user message of a request; without one, returns the default script."""
    texts = [message.get("content") for message in body.get("messages", []) if message.get("role") == "user"]
    last = texts[-1] if texts else ""
    if isinstance(last, list):
        last = " ".join(part.get("text", "") for part in last)
    _, found, told = (last if isinstance(last, str) else "").rpartition("mock{")
    script = json.JSONDecoder().raw_decode("{" + told)[0] if found else {}
    if turns := script.pop("turns", None):
        script |= turns[min(answers_since_the_user(body["messages"]), len(turns) - 1)]
    return Script(**script)


def call_of_a_tool(asked: Json) -> Json | None:
    """Calls a tool that the competitor offers of its own; None if there is no such tool."""
    own = (function for function in functions(asked) if function["name"] != "get_weather")
    return next(map(fitting_call, own), None)


def functions(asked: Json) -> list[Json]:
    """The functions of the tools in a request. A server may have passed on a tool that has none."""
    found = [tool.get("function") for tool in asked.get("tools") or () if isinstance(tool, dict)]
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("name"), str)]


def forced_call(asked: Json) -> Json | None:
    """Calls the tool that tool_choice demands, as a model does; None if it demands none."""
    choice, offered = asked.get("tool_choice"), functions(asked)
    if isinstance(choice, dict):
        offered = [each for each in offered if each["name"] == choice.get("function", {}).get("name")]
    elif choice != "required":
        return None
    return next(map(fitting_call, offered), None)


def fitting_call(function: Json) -> Json:
    """A call of a function with its required arguments, each of its type."""
    values = {"string": "17 * 23", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    schema = function.get("parameters") or {}
    known = schema.get("properties") or {}
    needed = {name: known.get(name, {}) for name in schema.get("required") or ()}
    arguments = {name: (of.get("enum") or [values.get(of.get("type"), "x")])[0] for name, of in needed.items()}
    return {"name": function["name"], "arguments": json.dumps(arguments)}


def answers_since_the_user(messages: list[Json]) -> int:
    roles = [message["role"] for message in messages]
    return roles[len(roles) - roles[::-1].index("user") :].count("assistant")


class Peer:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.script = Script()
        self.packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        self.held: bytearray | None = None  # the stream so far, for a request that wants one JSON object

    async def serve(self) -> None:
        stats["connections"] += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self.request():
                pass
        self.writer.close()

    async def request(self) -> bool:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        if method == "GET":
            if path.startswith("/release/"):
                released[path.removeprefix("/release/")].set()
            await self.whole(200, requests_with(path) if path.startswith("/requests") else stats)
            return True
        asked = json.loads(body)
        entry = {"path": path, "headers": headers, "body": asked, "state": "open"}
        requests.append(entry)
        stats["open"] += 1
        answering = asyncio.create_task(self.answer(asked))
        gone = asyncio.create_task(self.reader.read(1))
        # The client may disconnect with a reset.
        gone.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
        stats["open"] -= 1
        if not answering.done():
            stats["cut"] += 1
            entry["state"] = "cut"
            answering.cancel()
            return False
        gone.cancel()
        await asyncio.wait({gone})
        answering.result()
        stats["done"] += 1
        entry["state"] = "done"
        return not self.writer.is_closing()

    async def answer(self, asked: Json) -> None:
        script = self.script = script_of(asked)
        call = call_of_a_tool(asked) if script.use_tool else forced_call(asked) if script == Script() else None
        if call is not None:
            script.calls, script.finish = [call], "tool_calls"
        self.packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
        await asyncio.sleep(script.wait)
        if script.hold:
            await released[script.hold].wait()
        status = script.status
        if script.fail_times:
            failures[script.key] = failures.get(script.key, 0) + 1
            status = script.status if failures[script.key] <= script.fail_times else 200
        if script.page:
            await self.whole(status, script.page, "text/html")
        elif status != 200:
            error = {"message": "mock failure with sk-secret-of-the-upstream", "code": status}
            await self.whole(status, {"error": error})
        elif script.whole:
            message = {"role": "assistant", "content": script.word * script.tokens}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            await self.whole(200, {**FIXED, "choices": [choice], "usage": usage(script)})
        else:
            await self.stream(script, asked)

    async def stream(self, script: Script, asked: Json) -> None:
        self.held = None if asked.get("stream") else bytearray()
        if self.held is None:
            self.stream_head(script)
        for text in script.raw:
            await self.chunk(text.encode("utf-8", "surrogatepass"))
            await asyncio.sleep(script.delay)
        if not script.raw and not await self.tokens(script, asked):
            return
        if self.held is not None:
            await self.whole(*merged(bytes(self.held)))
            return
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    def stream_head(self, script: Script) -> None:
        head = {"content-type": script.kind, "transfer-encoding": "chunked", **script.headers}
        lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        self.writer.write("\r\n".join(lines).encode())

    async def tokens(self, script: Script, asked: Json) -> bool:
        """Sends the usual stream. Returns False if the script ended the connection early."""
        await self.event({"role": "assistant", "content": ""})
        number, waiting = 0, b""
        while script.endless or number < script.tokens:
            if number in (script.die, script.close):
                await self.writer.drain()
                self.end(reset=number == script.die)
                return False
            if script.silence and number == script.tokens // 2:
                await asyncio.sleep(script.silence)
            if script.error and number == script.tokens // 2:
                await self.data(json.dumps({"error": {"message": "mock error in the stream", "code": 500}}))
            name = script.reasoning_field if number < script.reasoning else "content"
            waiting += self.encoded({name: f"{script.word}{number} "})
            number += 1
            if number % script.burst == 0 or number == script.tokens:
                await self.chunk(waiting)
                waiting = b""
                await asyncio.sleep(script.delay)
        for index, call in enumerate(script.calls):
            function = {"name": call["name"], "arguments": ""}
            head = {"index": index, "id": f"call_{index}", "type": "function", "function": function}
            await self.event({"tool_calls": [head]})
            arguments = call.get("arguments", "{}")
            for start in range(0, len(arguments), 4):
                piece = {"index": index, "function": {"arguments": arguments[start : start + 4]}}
                await self.event({"tool_calls": [piece]})
        await self.event({}, script.finish)
        asked_for = self.held is not None or (asked.get("stream_options") or {}).get("include_usage")
        if script.usage and asked_for:
            await self.data(json.dumps({**FIXED, "choices": [], "usage": usage(script)}))
        if script.done:
            await self.data("[DONE]")
        return True

    def encoded(self, delta: Json, finish: str | None = None) -> bytes:
        chunk = {**FIXED, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        return f"data: {json.dumps(chunk, ensure_ascii=False)}{self.script.eol * 2}".encode()

    async def event(self, delta: Json, finish: str | None = None) -> None:
        await self.chunk(self.encoded(delta, finish))

    async def data(self, text: str) -> None:
        await self.chunk(f"data: {text}{self.script.eol * 2}".encode())

    async def chunk(self, data: bytes) -> None:
        if self.held is not None:
            self.held += data
            return
        if self.script.gzip:
            data = self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        size = self.script.piece or len(data) or 1
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await self.writer.drain()
            if self.script.piece:
                await asyncio.sleep(0)

    async def whole(self, status: int, body: Any, kind: str = "application/json") -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        head = {"content-type": kind, "content-length": len(data), **self.script.headers}
        lines = [f"HTTP/1.1 {status} Mock", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        self.writer.write("\r\n".join(lines).encode() + data)
        await self.writer.drain()

    def end(self, *, reset: bool) -> None:
        sock = self.writer.get_extra_info("socket")
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        else:
            self.writer.close()


def requests_with(path: str) -> list[Json]:
    """The requests so far; with `?with=WORDS` in the path, those whose messages have these words."""
    words = parse_qs(urlsplit(path).query).get("with", [""])[0]
    return [each for each in requests if words in json.dumps(each["body"].get("messages"))]


def merged(stream: bytes) -> tuple[int, Any]:
    """The status and the body of a whole answer that says what a stream would say.

    The error of a stream becomes a 500. Anything but a stream of JSON is sent as it is.
    """
    try:
        lines = [line[5:].strip() for line in stream.decode("utf-8", "replace").split("\n") if line.startswith("data:")]
        chunks = [json.loads(line) for line in lines if line != "[DONE]"]
    except ValueError:
        return 200, stream.decode("utf-8", "replace")
    if errors := [chunk["error"] for chunk in chunks if "error" in chunk]:
        return 500, {"error": errors[0]}
    if not chunks:
        return 200, ""
    message: Json = {"role": "assistant", "content": ""}
    choice: Json = {"index": 0, "message": message, "finish_reason": "stop"}
    calls: dict[int, Json] = {}
    for delta, more in ((each.pop("delta", {}), each) for chunk in chunks for each in chunk.pop("choices", [])):
        choice |= {name: value for name, value in more.items() if value is not None}
        for piece in delta.pop("tool_calls", ()):
            call = calls.setdefault(piece.pop("index"), {"function": {"arguments": ""}})
            function = piece.pop("function", {})
            arguments = call["function"]["arguments"] + function.pop("arguments", "")
            call |= {**piece, "function": {**call["function"], **function, "arguments": arguments}}
        for name, value in delta.items():
            message[name] = value if name == "role" else message.get(name, "") + value
    if calls:
        message["tool_calls"] = list(calls.values())
    whole = {name: value for chunk in chunks for name, value in chunk.items()}
    return 200, {**whole, "object": "chat.completion", "choices": [choice]}


def usage(script: Script) -> Json:
    return {"prompt_tokens": 11, "completion_tokens": script.tokens, "total_tokens": 11 + script.tokens}


async def main(port: int) -> None:
    server = await asyncio.start_server(lambda *pair: Peer(*pair).serve(), "127.0.0.1", port, backlog=2048, limit=2**24)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(int(sys.argv[-1])))
