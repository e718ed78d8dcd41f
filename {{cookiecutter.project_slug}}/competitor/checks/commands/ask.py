"""`competitor ask`: asks a running competitor, prints the answer as it arrives, and says what breaks the contract.
Contract file: replaced by updates.
"""

import argparse
import base64
import json
import mimetypes
import sys
from contextlib import suppress
from pathlib import Path

from ..responses import Failed, Json, NotShown, Reply, Stream
from ..sources.answers import cases_of_any
from ..target import Target, question
from .printers import Printer, printer

MAX_SECONDS = 300
HELP = "/new begins again, /quit or Ctrl-D ends, Ctrl-C stops an answer.\n"


def ask(given: argparse.Namespace) -> int:
    """Runs the command with its parsed arguments. Returns the exit code: 0 if the answer is complete, else 1.

    It is 2 if an option cannot be used.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    out = printer()
    try:
        asking = Asking(given)
    except (OSError, ValueError) as error:
        out.bad(f"{error}\n")
        return 2
    if given.prompt is None and sys.stdin.isatty():
        return _converse(asking, out)
    prompt = sys.stdin.read().strip() if given.prompt is None else given.prompt
    if not prompt:
        out.bad("There is nothing to ask.\n")
        return 2
    return 0 if asking.ask(prompt, out) else 1


class Asking:
    """A conversation with a server. Raises `OSError` or `ValueError` if a file or a tool cannot be read."""

    def __init__(self, given: argparse.Namespace):
        self._given = given
        if not given.url.startswith(("http://", "https://")):
            raise ValueError(f"--url: write http://{given.url}")
        if given.save is not None:
            given.save.open("ab").close()  # fails now, and not after the answer
        self._target = Target(given.url.rstrip("/"), timeout=MAX_SECONDS)
        self._system: list[Json] = [{"role": "system", "content": given.system}] if given.system else []
        self._fields: Json = {"model": given.model} if given.model else {}
        if given.tool:
            self._fields["tools"] = [_tool(each) for each in given.tool]
        self._parts = [*map(_image, given.image), *map(_file, given.file)]
        self._brief = given.prompt is None  # in a conversation
        self.messages: list[Json] = []

    def begin(self) -> None:
        """Forgets the conversation."""
        self.messages = []

    def ask(self, prompt: str, out: Printer) -> bool:
        """Asks, prints the answer and what breaks the contract, and remembers both. Returns whether it is complete."""
        parts, self._parts = self._parts, []
        content = [{"type": "text", "text": prompt}, *parts] if parts else prompt
        return self._go_on([{"role": "user", "content": content}], out)

    def _go_on(self, said: list[Json], out: Printer) -> bool:
        messages = [*self._system, *self.messages, *said]
        body = question(messages=messages, stream=not self._given.whole, **self._fields)
        try:
            message = self._whole(body, out) if self._given.whole else self._streamed(body, out)
        except Failed as error:
            out.bad(f"{self._given.url}: {error}. Is it running? `make run` starts it.\n")
            return False
        if message is None:
            return False
        self.messages += [*said, message]
        return True

    def _streamed(self, body: Json, out: Printer) -> Json | None:
        on_line = _raw if self._given.json else out.line
        try:
            stream = self._target.read_stream(body, on_line=on_line)
        finally:
            out.end()
        if stream.status != 200:
            out.bad(f"HTTP {stream.status}: {_body(stream)}\n")
            return None
        if not self._given.json:
            out.note(in_a_line(stream) if self._brief else summary(stream))
            _judge(stream, out)
        self._save(b"".join(line + b"\n" for _, line in stream.lines), out)
        return _message(stream) if stream.done else None

    def _whole(self, body: Json, out: Printer) -> Json | None:
        reply = self._target.post(body)
        if reply.status != 200:
            out.bad(f"HTTP {reply.status}: {reply.text}\n")
            return None
        if self._given.json:
            out.plain(f"{reply.text}\n")
        else:
            out.whole(reply.message)
            usage = reply.json().get("usage") or {}
            out.note(
                _rows([("tokens", _tokens(usage), ""), ("end", str(reply.get(str, "choices", 0, "finish_reason")), "")])
            )
            _judge(reply, out)
        self._save(reply.body, out)
        return {name: reply.message[name] for name in ("role", "content", "tool_calls") if name in reply.message}

    def _save(self, data: bytes, out: Printer) -> None:
        if self._given.save is not None:
            self._given.save.write_bytes(data)
            out.note(_rows([("saved", f"{self._given.save.name}, {data.count(bytes([10]))} lines", "")]))

    def _results(self) -> list[Json]:
        """Asks the user for the results of the tool calls in the last message."""
        calls = self.messages[-1].get("tool_calls") or [] if self.messages else []
        return [
            {"role": "tool", "tool_call_id": call["id"], "content": input(f"result of {call['function']['name']}: ")}
            for call in calls
        ]

    def answer_calls(self, out: Printer) -> None:
        """Lets the user answer tool calls of the model, until it calls no more."""
        while results := self._results():
            if not self._go_on(results, out):
                return


def _converse(asking: Asking, out: Printer) -> int:
    with suppress(ImportError):
        import readline  # noqa: F401 - `input` then has a history
    out.note(HELP)
    while True:
        try:
            line = input("> ").strip()
        except (EOFError, KeyboardInterrupt):
            out.plain("\n")
            return 0
        if line in ("/quit", "/exit"):
            return 0
        if line == "/new":
            asking.begin()
            out.note("The conversation begins again.\n")
        elif line.startswith("/"):
            out.note(HELP)
        elif line:
            try:
                asking.ask(line, out)
                asking.answer_calls(out)
            except (EOFError, KeyboardInterrupt):
                out.end()
                out.note("Stopped.\n")


def _judge(answer: Stream | Reply, out: Printer) -> None:
    """Says which of the cases that hold for any answer are broken."""
    for case in cases_of_any(answer):
        try:
            case.check(answer)
        except NotShown:
            continue
        except Failed as broken:
            out.bad(f"  {case.id} is broken: {broken}. {case.remedy}\n")


def _message(stream: Stream) -> Json:
    """The assistant's message in a stream, as the next request sends it back."""
    calls: dict[int, Json] = {}
    for piece in stream.fragments:
        call = calls.setdefault(
            piece.get("index", 0), {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        function = piece.get("function") or {}
        call["id"] = piece.get("id") or call["id"]
        call["function"]["name"] += function.get("name") or ""
        call["function"]["arguments"] += function.get("arguments") or ""
    return {"role": "assistant", "content": stream.text, **({"tool_calls": list(calls.values())} if calls else {})}


def summary(stream: Stream) -> str:
    """The summary of a stream as lines of text: times, counts and how it ended."""
    usage = stream.usages[-1] if stream.usages else {}
    words = sum(1 for _, delta in stream.deltas if delta.get("content"))
    thoughts = sum(1 for _, delta in stream.deltas if delta.get("reasoning_content"))
    pings = sum(1 for _, line in stream.lines if line.startswith(b":"))
    rows = [
        ("first word", f"{(stream.first_word or 0) * 1000:.0f} ms", "at most 2 s"),
        ("longest gap", f"{stream.largest_gap * 1000:.0f} ms", "at most 2 s"),
        ("deltas", f"{words} of text, {thoughts} of reasoning, {pings} pings", ""),
        ("tokens", _tokens(usage), ""),
        ("end", f"{', '.join(stream.finish_reasons)}{', [DONE]' if stream.done else ', no [DONE]'}", ""),
        ("time", f"{stream.seconds:.2f} s", ""),
    ]
    return _rows(rows)


def in_a_line(stream: Stream) -> str:
    """The summary of a stream in one line."""
    usage = stream.usages[-1] if stream.usages else {}
    return f"  ({(stream.first_word or 0) * 1000:.0f} ms, {stream.seconds:.1f} s, {_tokens(usage)})\n"


def _tokens(usage: Json) -> str:
    cost = f", {usage['cost_usd']} USD" if usage.get("cost_usd") else ""
    return f"{usage.get('prompt_tokens')} in, {usage.get('completion_tokens')} out{cost}"


def _rows(rows: list[tuple[str, str, str]]) -> str:
    return "".join(f"  {name:<12} {value}{f'  (contract: {limit})' if limit else ''}\n" for name, value, limit in rows)


def _raw(line: bytes) -> None:
    if line.startswith(b"data: {"):
        sys.stdout.write(line[6:].decode("utf-8", "replace") + "\n")
        sys.stdout.flush()


def _body(stream: Stream) -> str:
    return b" ".join(line for _, line in stream.lines).decode("utf-8", "replace")


def _tool(given: str) -> Json:
    """A tool's definition: JSON, or a file that has it. The frame around a function may be missing."""
    text = given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"--tool: this is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError("--tool: a tool's definition is a JSON object")  # noqa: TRY004 - a wrong value of an option
    return found if "function" in found else {"type": "function", "function": found}


def _image(given: str) -> Json:
    url = given
    if not given.startswith(("http://", "https://", "data:")):
        kind = mimetypes.guess_type(given)[0] or "image/png"
        url = f"data:{kind};base64,{base64.b64encode(Path(given).read_bytes()).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def _file(path: Path) -> Json:
    data = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    try:
        content = data.decode("utf-8")
        kind = kind if kind.startswith("text/") or kind.endswith(("json", "xml")) else "text/plain"
    except UnicodeDecodeError:
        content = base64.b64encode(data).decode()
    return {
        "type": "file",
        "file": {"name": path.name, "mime_type": kind, "content": content, "size": len(data)},
    }
