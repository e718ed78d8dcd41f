"""Prints an answer as it arrives: text, reasoning, tools and artifacts told apart.
Contract file: replaced by updates.

On a terminal, `rich` formats the text, which is usually Markdown. Without `rich`, or if the output goes to a file or a
pipe, the text is printed as it is.
"""

import importlib.util
import json
import sys
from functools import partial
from typing import Any

from ..responses import Json


def printer() -> "Printer":
    """The printer for this output."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        return RichPrinter()
    return Printer()


class Printer:
    """Prints plain text. On a terminal, reasoning is dim and what is wrong is red."""

    def __init__(self) -> None:
        self._last = ""  # the kind of the last delta
        self._ended_line = self._in_data = False
        self._colours = sys.stdout.isatty()

    def line(self, line: bytes) -> None:
        """Prints what a line of a stream brings."""
        if not line.startswith(b"data: {"):
            return
        try:
            choices = json.loads(line[6:]).get("choices") or ()
        except ValueError:
            return
        for choice in choices:
            if isinstance(choice, dict) and isinstance(choice.get("delta"), dict):
                self._delta(choice["delta"])

    def whole(self, message: Json) -> None:
        """Prints a message that came as one object."""
        self._delta(message)
        for artifact in message.get("artifacts") or ():
            self._piece("tool", _artifact(artifact))
        self.end()

    def end(self) -> None:
        """Ends the answer with a line break."""
        if self._last:
            self.plain("\n")
        self._last = ""

    def plain(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Prints a remark about the answer."""
        self.plain(text)

    def bad(self, text: str) -> None:
        """Prints what is wrong."""
        self.plain(f"\x1b[31m{text}\x1b[0m" if self._colours else text)

    def _delta(self, delta: Json) -> None:
        event = delta.get("janus")
        if isinstance(event, dict):
            self._piece("tool", _event(event))
        elif thought := delta.get("reasoning_content"):
            self._piece("reasoning", str(thought))
        if text := self._without_data(str(delta.get("content") or "")):
            self._piece("text", text)
        for call in delta.get("tool_calls") or ():
            function = call.get("function") or {}
            if name := function.get("name"):
                self._piece("call", f"{name} ")
            self._piece("call", function.get("arguments") or "", same=True)

    def _without_data(self, text: str) -> str:
        """The text without the data of images and files that it holds, which may come in several pieces."""
        shown = ""
        while text:
            if self._in_data:
                _, end, text = text.partition(")")
                self._in_data = not end
                shown += end
            else:
                before, begin, text = text.partition("(data:")
                self._in_data = bool(begin)
                shown += before + ("(data: ..." if begin else "")
        return shown

    def _piece(self, kind: str, text: str, *, same: bool = False) -> None:
        """Prints a part of an answer. `same` says that it belongs to the part before it."""
        if self._last != kind or (kind in ("tool", "call") and not same):
            apart = "\n" if self._last == "tool" else "\n\n" if self._last else ""
            self.plain(apart[: len(apart) - self._ended_line])
            self._last = kind
        self._ended_line = text.endswith("\n")
        colour = {"reasoning": "2", "tool": "33", "call": "35"}.get(kind)
        self.plain(f"\x1b[{colour}m{text}\x1b[0m" if self._colours and colour else text)


class RichPrinter(Printer):
    """Formats text as Markdown while it arrives. Finished blocks stay; only the last block is drawn again."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.live import Live

        self._console = Console()
        self._new_live: Any = partial(Live, console=self._console, refresh_per_second=15, transient=True)
        self._live: Any = None
        self._block = ""

    def _piece(self, kind: str, text: str, *, same: bool = False) -> None:
        if kind != "text":
            self._flush()
            super()._piece(kind, text, same=same)
            return
        if self._last != "text":
            super()._piece("text", "")
        if self._live is None:
            self._live = self._new_live()
            self._live.start()
        self._block += text
        while (cut := _end_of_block(self._block)) and self._block[cut:]:
            self._console.print(self._markdown(self._block[:cut]))
            self._console.print()
            self._block = self._block[cut:]
        self._live.update(self._markdown(self._block))

    def end(self) -> None:
        self._flush()
        super().end()

    def note(self, text: str) -> None:
        self._console.print(text, style="dim", end="", highlight=False, markup=False)

    def _flush(self) -> None:
        """Ends the text that is being drawn."""
        if self._live is not None:
            self._live.update("")
            self._live.stop()
            self._live = None
            self._console.print(self._markdown(self._block))
            self._block = ""

    @staticmethod
    def _markdown(text: str) -> Any:
        from rich.markdown import Markdown

        return Markdown(text)


def _end_of_block(text: str) -> int:
    """Where the first finished block of Markdown ends; 0 if none has ended. A fenced block may have empty lines."""
    at = text.find("\n\n")
    while at >= 0 and text.count("```", 0, at) % 2:
        at = text.find("\n\n", at + 2)
    return at + 2 if at >= 0 else 0


def _event(event: Json) -> str:
    """A Janus event in a few words."""
    payload = event.get("payload") or {}
    name = payload.get("name", "")
    if event.get("event") == "artifacts":
        return "\n".join(map(_artifact, payload.get("items") or ()))
    if str(event.get("event")).endswith("_start"):
        return f"[{name}] {_short(payload.get('arguments', 'begins'))}"
    said = payload.get("advice") or payload.get("result") or payload.get("status")
    return f"[{name}] -> {_short(said)} ({payload.get('duration_ms', 0) / 1000:.1f} s)"


def _artifact(item: Json) -> str:
    url = str(item.get("url", ""))
    where = "" if url.startswith("data:") else f": {url}"
    return f"[artifact] {item.get('display_name')}, {item.get('size_bytes')} bytes{where}"


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 160 else f"{text[:160]} ..."
