"""Turns what a command-line agent sends into the events of an answer.
Contract file: replaced by updates.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ...api import Event, Reasoning, Text, ToolEnd, ToolStart, Usage

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]")
_SHOWN_CHARACTERS = 500  # of arguments and results
_KEPT_CHARACTERS = 20_000  # of the terminal's text

Json = dict[str, Any]


class AgentOutput:
    """The events of one run of an agent. `failed` is why it has failed; `text` is what it has said so far."""

    def __init__(self) -> None:
        self.text = self.failed = ""
        self.ended = False
        self._terminal = ""
        self._said: dict[str, str] = {"text": "", "thinking": ""}  # in pieces, since the last whole message
        self._tools: set[str] = set()

    def read(self, event: Any) -> Iterator[Event]:
        """The events of one event of the stream `agent/run`."""
        given = event if isinstance(event, dict) else {}
        match given.get("type"):
            case "status":
                yield Reasoning(f"{_clean(given.get('message'))}\n")
            case "output":
                said = _clean(given.get("text"))
                self._terminal = (self._terminal + said)[-_KEPT_CHARACTERS:]
                yield Reasoning(said)
            case "agent-output":
                yield from self._agent(_object(given.get("data")))
            case "files-update":
                changes = [_object(change) for change in given.get("changes") or () if isinstance(change, dict)]
                yield from (Reasoning(f"{_clean(each.get('path'))}: {each.get('changeType')}\n") for each in changes)
            case "complete":
                self.ended = True
                if given.get("success") is False or given.get("exitCode"):
                    self.failed = f"the agent ended with the exit code {given.get('exitCode')}"
            case "error":
                self.ended, self.failed = True, _clean(given.get("error")) or "the agent failed"

    def rest(self) -> Iterator[Event]:
        """What is left to say at the end: the terminal's text if the agent has said nothing else."""
        yield from (ToolEnd(tool, "error") for tool in self._tools)
        if not self.text and self._terminal.strip():
            yield from self._say(self._terminal.strip())

    def _agent(self, said: Json) -> Iterator[Event]:
        """The agent's own stream: pieces, whole messages, results of tools, and the whole answer again."""
        match said.get("type"):
            case "stream_event":
                delta = _object(_object(said.get("event")).get("delta"))
                yield from self._piece("text", delta.get("text"))
                yield from self._piece("thinking", delta.get("thinking"))
            case "assistant":
                for block in _blocks(said):
                    yield from self._block(block)
                self._said = dict.fromkeys(self._said, "")
            case "user":
                for block in _blocks(said):
                    if block.get("type") == "tool_result" and block.get("tool_use_id") in self._tools:
                        self._tools.discard(block["tool_use_id"])
                        result = {"result": _short(block.get("content"))}
                        yield ToolEnd(block["tool_use_id"], "error" if block.get("is_error") else "ok", result)
            case "result":
                if not self.text and isinstance(said.get("result"), str):
                    yield from self._say(said["result"])
                yield from _usage(said)

    def _piece(self, kind: str, piece: Any) -> Iterator[Event]:
        if isinstance(piece, str) and piece:
            first, self._said[kind] = not self._said[kind], self._said[kind] + piece
            if kind == "text":
                yield from self._say(piece, apart=first)
            else:
                yield Reasoning(piece)

    def _block(self, block: Json) -> Iterator[Event]:
        """A block of a whole message. Text that has come in pieces is not said again."""
        match block.get("type"):
            case "text" if not self._said["text"]:
                yield from self._say(str(block.get("text") or ""), apart=True)
            case "thinking" if not self._said["thinking"]:
                yield Reasoning(f"{block.get('thinking') or ''}\n")
            case "tool_use" if isinstance(block.get("id"), str) and block["id"] not in self._tools:
                self._tools.add(block["id"])
                details = {"arguments": _short(block.get("input"))}
                yield ToolStart(_clean(block.get("name")) or "tool", block["id"], details)

    def _say(self, text: str, *, apart: bool = False) -> Iterator[Event]:
        if text:
            gap = "\n\n" if apart and self.text else ""
            self.text += gap + text
            yield Text(gap + text)


def _usage(said: Json) -> Iterator[Event]:
    """The tokens and the price of the agent's own calls of the model, if it says them."""
    used, cost = _object(said.get("usage")), said.get("total_cost_usd")
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    asked, answered = sum(map(_number, map(used.get, names))), _number(used.get("output_tokens"))
    if asked or answered:
        yield Usage(int(asked), int(answered), cost_usd=_number(cost) if cost is not None else None)


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12 else 0


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _blocks(said: Json) -> list[Json]:
    content = _object(said.get("message")).get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _clean(text: Any) -> str:
    """Text without the codes by which a terminal is controlled."""
    return _ANSI.sub("", str(text or "").replace("\r\n", "\n").replace("\r", "\n"))


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return _clean(text)[:_SHOWN_CHARACTERS]
