"""Holds parts of a model call: its first words, and the arguments of calls of the client's tools.
Contract file: replaced by updates.

Before a tool call, models like to say what they are about to do. The benchmark scores how evenly the content arrives,
so such words, seconds before the answer, would cost points: they become reasoning. Arguments are held until they are
complete, so that those that do not fit their schema can be fixed.
"""

from collections.abc import Collection, Mapping
from typing import Any

from ..events import NO_FIELDS, FinishReason, Flow, Sink
from ..limits import MAX_HELD_CALL_CHARACTERS
from ..usage import Usage


class _Passing:
    """What two sinks pass on to another one as it is."""

    def __init__(self, sink: Sink):
        self._sink = sink
        self.text = sink.text

    @property
    def flow(self) -> Flow:
        return self._sink.flow

    def reasoning(self, text: str) -> None:
        self._sink.reasoning(text)

    def arguments(self, number: int, piece: str) -> None:
        self._sink.arguments(number, piece)

    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None:
        self._sink.call_fields(number, fields)

    def usage(self, usage: Usage) -> None:
        self._sink.usage(usage)

    def finish(self, reason: FinishReason) -> None:
        self._sink.finish(reason)

    def waits(self, characters: int) -> None:
        self._sink.waits(characters)

    def doing(self, what: str) -> None:
        self._sink.doing(what)


class HeldText(_Passing):
    """A sink that holds text until `characters` of it have come, a tool is called, or the call of the model ends.

    Before a call of one of the backend's own tools, the held text becomes reasoning; in all other cases it is text.
    """

    def __init__(self, sink: Sink, characters: int, client_tools: Collection[str]):
        super().__init__(sink)
        self._characters, self._client_tools = characters, client_tools
        self._held = ""
        self.reasoned = 0  # characters of text that became reasoning
        self.has_told = False  # whether anything was passed on
        self.text = self._hold

    def _hold(self, text: str) -> None:
        self._held += text
        self._sink.waits(len(text))
        if len(self._held) >= self._characters:
            self.release()

    def release(self) -> None:
        """Passes the held text on, and all later text at once."""
        self.text = self._sink.text
        held, self._held = self._held, ""
        if held:
            self.has_told = True
            self._sink.text(held)

    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None:
        if name in self._client_tools:
            self.release()
        elif self._held:
            self.has_told = True
            self._sink.reasoning(f"{self._held}\n")
            self.reasoned, self._held = len(self._held), ""
        number = self._sink.call(id, name, fields) if fields else self._sink.call(id, name)
        self.has_told = self.has_told or number is not None
        return number

    def reasoning(self, text: str) -> None:
        self.has_told = True
        self._sink.reasoning(text)


class ClientCalls(_Passing):
    """A sink that holds the arguments of tool calls, for tools with a schema, until they are settled, or too long."""

    def __init__(self, sink: Sink, schemas: Mapping[str, Any]):
        super().__init__(sink)
        self._schemas = schemas
        self.held: dict[int, tuple[str, str]] = {}  # by the call's number: the tool's name, and the arguments so far

    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None:
        number = self._sink.call(id, name, fields) if fields else self._sink.call(id, name)
        if number is not None and name in self._schemas:
            self.held[number] = (name, "")
        return number

    def arguments(self, number: int, piece: str) -> None:
        if number not in self.held:
            self._sink.arguments(number, piece)
            return
        name, before = self.held[number]
        self.held[number] = (name, before + piece)
        if len(before) + len(piece) > MAX_HELD_CALL_CHARACTERS:
            self.settle(number, before + piece)

    def settle(self, number: int, arguments: str) -> None:
        """Passes on the arguments of a call."""
        del self.held[number]
        self._sink.arguments(number, arguments)

    def release(self) -> None:
        """Passes on what is held, unchanged."""
        for number, (_, arguments) in list(self.held.items()):
            self.settle(number, arguments)
