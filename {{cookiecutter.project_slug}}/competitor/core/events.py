"""Events: what a backend may yield. The core turns them into the contract's wire format.
Contract file: replaced by updates.

`Completion` (from `chat.complete()`) is the one event that stands for many: yielding it hands the
connection to the model over to the core, which passes every piece on by itself until the model is done.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic_core import from_json

from .artifacts.descriptor import Artifact
from .usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


def _new_id() -> str:
    return f"call_{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of reasoning, or a note about what is being done."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStart:
    """One of the competitor's own tools starts. Yield a `ToolEnd` with the same id when it has ended."""

    name: str
    id: str = field(default_factory=_new_id)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolEnd:
    """A tool has ended. The time it took is measured by the core."""

    id: str
    status: Literal["ok", "error"] = "ok"
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SandboxStart:
    """A sandbox starts. Yield a `SandboxEnd` with the same id when it has ended."""

    name: str
    id: str = field(default_factory=_new_id)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SandboxEnd:
    """A sandbox has ended. The time it took is measured by the core."""

    id: str
    status: Literal["ok", "error"] = "ok"
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call, as a model asks for it. `arguments` is the text of a JSON object, or what the model wrote.

    Yield one only for a tool that the *client* offered and runs itself (S10).
    """

    name: str
    arguments: str = "{}"
    id: str = field(default_factory=_new_id)

    def as_json(self) -> dict[str, Any]:
        """The call in OpenAI's wire form. Arguments that are not an object become `{}`: servers refuse others."""
        try:
            usable = isinstance(from_json(self.arguments), dict)
        except ValueError:
            usable = False
        function = {"name": self.name, "arguments": self.arguments if usable else "{}"}
        return {"id": self.id, "type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A fragment of a call: `number` counts the calls from 0; `id` and `name` are in the first fragment only.

    `text` is a part of the arguments.
    """

    number: int
    text: str
    id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """Ends the answer. A backend that returns ends it as well."""

    reason: FinishReason = "stop"


class Flow:
    """How what is written leaves, and who is paused while the client is slow. This one keeps all and pauses nobody."""

    __slots__ = ()

    def cork(self) -> None:
        """What is written between `cork` and `uncork` leaves together."""

    def uncork(self, *, last: bool = False) -> None:
        """`last`: the source has no more, so what is written may wait a moment for the end of the answer."""

    def set_source(self, source: "Source | None") -> None:
        """Whom to pause while the client is slow."""

    async def drain(self) -> None:
        """Returns when the client has taken most of what was written."""


class Sink(Protocol):
    """Where a `Source` pours into. Nothing here waits."""

    @property
    def flow(self) -> Flow: ...

    def text(self, text: str) -> None: ...
    def reasoning(self, text: str) -> None: ...
    def call(self, id: str, name: str) -> int | None:
        """Opens a call of a client's tool: its number for `arguments`; None without such a tool."""
        ...

    def arguments(self, number: int, piece: str) -> None: ...
    def usage(self, usage: Usage) -> None: ...
    def finish(self, reason: FinishReason) -> None: ...
    def doing(self, what: str) -> None:
        """What the words of progress name while the source is silent (S4)."""
        ...


class Source:
    """An event that stands for many: the core calls `pour` and goes on when that returns.

    A class to inherit from, and no protocol: every event is asked whether it is one, and Python 3.11
    takes 10 us to look a protocol up.
    """

    async def pour(self, sink: Sink) -> None:
        raise NotImplementedError

    def pause(self) -> None: ...
    def resume(self) -> None: ...


Event = (
    Text | Reasoning | ToolStart | ToolEnd | SandboxStart | SandboxEnd | Artifact | ToolCall | Usage | Finish | Source
)
