"""Events: what a backend may yield. The core turns them into the contract's wire format.
Contract file: replaced by updates.

`Completion` (from `chat.complete()`) is special: one yielded completion stands for many events. The core then reads
from the model itself and passes every piece to the client until the model has finished.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol

from pydantic_core import from_json

from .artifacts.descriptor import Artifact
from .usage import Usage

NO_FIELDS: Mapping[str, Any] = MappingProxyType({})
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


def _new_id() -> str:
    return f"call_{secrets.token_hex(12)}"


class NotAnEvent(TypeError):
    """A backend has yielded something else than an event. `given` is what it was."""

    def __init__(self, given: object):
        super().__init__(f"a backend yields events (see core/events.py), not {type(given).__name__}")
        self.given = given
        self.place: object = None  # where the owner's code has yielded it


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of reasoning, or a note about current work."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStart:
    """One of the competitor's own tools starts. Yield a `ToolEnd` with the same id when it has ended."""

    name: str
    id: str = field(default_factory=_new_id)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolEnd:
    """A tool has ended. The core measures how long it ran."""

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
    """A sandbox has ended. The core measures how long it ran."""

    id: str
    status: Literal["ok", "error"] = "ok"
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call that a model asks for. `arguments` is the text of a JSON object, or whatever the model wrote.

    `fields` are a vendor's own, which its server wants back (R9). Yield a tool call only for a tool that the *client*
    offered and runs itself (S10).
    """

    name: str
    arguments: str = "{}"
    id: str = field(default_factory=_new_id)
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def as_json(self) -> dict[str, Any]:
        """The call in OpenAI's wire format. Servers refuse arguments that are not an object, so these become `{}`."""
        try:
            usable = isinstance(from_json(self.arguments), dict)
        except ValueError:
            usable = False
        function = {"name": self.name, "arguments": self.arguments if usable else "{}"}
        return {"id": self.id, "type": "function", "function": function, **self.fields}


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A fragment of a tool call: `number` counts the calls from 0; only the first fragment has `id` and `name`.

    `text` is a part of the call's arguments; `fields` are a vendor's own (see `ToolCall`).
    """

    number: int
    text: str
    id: str | None = None
    name: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Finish:
    """Ends the answer. Returning from `answer` ends it as well."""

    reason: FinishReason = "stop"


class Flow:
    """Controls how output is sent, and pauses the source for a slow client. This base class never pauses it."""

    __slots__ = ()

    def cork(self) -> None:
        """Starts to hold output back. Everything written until `uncork` is sent together."""

    def uncork(self, *, last: bool = False) -> None:
        """Sends what was held back. With `last`, may wait briefly, to send it together with the end of the answer."""

    def set_source(self, source: "Source | None") -> None:
        """Sets the source to pause while the client is slow."""

    async def drain(self) -> None:
        """Returns when the client has taken most of the output."""


class Sink(Protocol):
    """The receiver of a `Source`'s events. None of its methods waits."""

    @property
    def flow(self) -> Flow: ...

    def text(self, text: str) -> None: ...
    def reasoning(self, text: str) -> None: ...
    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None:
        """Begins a call of a client's tool. Returns its number, to pass to `arguments`; None for an unknown tool.

        `fields` are a vendor's own (see `ToolCall`); `call_fields` adds those that arrive later.
        """
        ...

    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None: ...
    def arguments(self, number: int, piece: str) -> None: ...
    def usage(self, usage: Usage) -> None: ...
    def finish(self, reason: FinishReason) -> None: ...
    def waits(self, characters: int) -> None:
        """Says that text of this length has arrived and is held; `text` follows, unless it becomes reasoning."""
        ...

    def doing(self, what: str) -> None:
        """Sets the activity that progress notes name while the source is silent (S4)."""
        ...


class Source:
    """An event that stands for many: the core calls `pour`, which sends them all to a `Sink`.

    This is a class to inherit from, not a protocol, because the core tests each event for this
    type, and for a protocol such a test takes 10 us in Python 3.11.
    """

    async def pour(self, sink: Sink) -> None:
        raise NotImplementedError

    def pause(self) -> None: ...
    def resume(self) -> None: ...


Event = (
    Text | Reasoning | ToolStart | ToolEnd | SandboxStart | SandboxEnd | Artifact | ToolCall | Usage | Finish | Source
)


class Nobody(Flow):
    """A sink that drops everything: the completion keeps the result."""

    @property
    def flow(self) -> Flow:
        return self

    def text(self, text: str) -> None: ...
    def reasoning(self, text: str) -> None: ...
    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None: ...
    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None: ...
    def arguments(self, number: int, piece: str) -> None: ...
    def usage(self, usage: Usage) -> None: ...
    def finish(self, reason: FinishReason) -> None: ...
    def waits(self, characters: int) -> None: ...
    def doing(self, what: str) -> None: ...
