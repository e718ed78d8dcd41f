"""Turns whatever a backend yields into a compliant answer, with exactly one finish reason and one usage.
Contract file: replaced by updates.

This module applies the contract's rules about content; `forms.py` writes the result as a stream or as one object.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from ..artifacts.descriptor import Artifact
from ..errors import AnswerClosed, AnswerFull
from ..events import (
    NO_FIELDS,
    Event,
    Finish,
    FinishReason,
    Flow,
    NotAnEvent,
    Reasoning,
    SandboxEnd,
    SandboxStart,
    Text,
    ToolCall,
    ToolEnd,
    ToolStart,
)
from ..limits import MAX_PIECE_CHARACTERS
from ..model.prompt import messages, tools
from ..observe.observer import Observer, Step
from ..request.schema import ChatRequest
from ..usage import Usage, prompt_tokens, text_tokens

log = logging.getLogger("competitor.answer")

_REASONS: tuple[FinishReason, ...] = ("stop", "length", "tool_calls", "content_filter")
_NOBODY = Observer()


class Form(Protocol):
    """The form in which an answer is written: as a stream of chunks, or as one object."""

    @property
    def flow(self) -> Flow: ...
    def text(self, text: str) -> None: ...
    def waits(self, characters: int) -> None: ...
    def reasoning(self, text: str) -> None: ...
    def progress(self, text: str) -> None: ...
    def call(self, number: int, id: str, name: str, fields: Mapping[str, Any]) -> None: ...
    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None: ...
    def arguments(self, number: int, piece: str) -> None: ...
    def janus(self, event: str, payload: dict[str, Any], words: str) -> None: ...
    def artifact(self, descriptor: dict[str, Any]) -> None: ...
    def link(self, text: str) -> None: ...


class Answer:
    """One answer. Model calls write into it as their `Sink`; all other events of a backend go through `take`.

    Raises `AnswerFull` for more than `max_bytes` of text, and `AnswerClosed` after the end.
    """

    def __init__(
        self,
        form: Form,
        request: ChatRequest,
        max_bytes: int,
        observer: Observer = _NOBODY,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.form, self.request, self.max_bytes, self.clock = form, request, max_bytes, clock
        self._observer = observer
        self.flow, self.waits = form.flow, form.waits
        self.client_tools = {tool.function.name for tool in request.offered_tools}
        self.size = 0  # bytes of text, reasoning and arguments
        self.said = False
        self.first_at: float | None = None
        self._spoken = False  # whether a delta was sent since the last `has_spoken`
        self.activity = "Waiting for the model"
        self.reason: FinishReason = "stop"
        self.closed = False
        self._spent: Usage | None = None
        self._calls: list[bool] = []  # whether arguments arrived, for each call of a client's tool
        self._open: dict[str, tuple[Step, float]] = {}  # tools and sandboxes that run, with their start time
        self._shown: set[str] = set()  # ids of the artifacts that were sent
        self._noted = 0  # bytes of the last text, which no model has counted
        self._half = ""  # first half of a surrogate pair that was cut in two
        self._links: list[str] = []  # of artifacts, to be sent with the text that follows
        self._unusual = False  # whether one of these two waits for the next text

    # The `Sink` methods: they are called for each token, so they do not wait and allocate as little as possible.

    def text(self, text: str) -> None:
        if self._unusual or not text.isascii():
            text = self._whole_characters(text)
            if self._links and text and not text.isspace():
                self._send_links()
        if not text:
            return
        self.said = True
        if self.closed or self.first_at is None or len(text) > MAX_PIECE_CHARACTERS or not text.isascii():
            self._counted(text, self.form.text)
            return
        self._spoken = True  # the common case of `_counted`, without another call
        self.size += len(text)
        self.form.text(text)
        if self.size > self.max_bytes:
            raise AnswerFull

    def reasoning(self, text: str) -> None:
        if self._half or not text.isascii():
            text = self._whole_characters(text)
        if text:
            self._counted(text, self.form.reasoning)

    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None:
        if name not in self.client_tools:
            return None
        self._speak()
        self._calls.append(False)
        self.form.call(len(self._calls) - 1, id, name, fields)
        return len(self._calls) - 1

    def call_fields(self, number: int, fields: Mapping[str, Any]) -> None:
        self._speak()
        self.form.call_fields(number, fields)

    def arguments(self, number: int, piece: str) -> None:
        if piece:
            self._calls[number] = True
            self._counted(piece, lambda part: self.form.arguments(number, part))

    def usage(self, usage: Usage) -> None:
        self._spent = usage if self._spent is None else self._spent + usage

    def finish(self, reason: FinishReason) -> None:
        self.reason = reason if reason in _REASONS else "stop"

    def doing(self, what: str) -> None:
        self.activity = what
        self._observer.doing(what)

    # For events of the backend.

    def take(self, event: Event) -> None:
        """Handles one event of a backend. Raises `NotAnEvent` for anything else."""
        match event:
            case Text(text) if isinstance(text, str):
                self.text(text)
            case Reasoning(text) if isinstance(text, str):
                self.reasoning(text)
            case ToolStart():
                self._start("tool", event)
            case SandboxStart():
                self._start("sandbox", event)
            case ToolEnd() | SandboxEnd():
                self._end(event.id, event.status, event.details)
            case Artifact():
                self._show(event)
            case ToolCall():
                number = self.call(event.id, event.name, event.fields)
                if number is None:
                    log.warning("dropped a tool call for a tool that the client did not offer (S10)")
                else:
                    self.arguments(number, event.arguments)
            case Usage():
                self.usage(event)
            case Finish():
                self.finish(event.reason)
            case _:
                raise NotAnEvent(event)

    @property
    def has_content(self) -> bool:
        """Whether the answer has text, reasoning or a call of a client's tool."""
        return bool(self.size or self._calls)

    def has_spoken(self) -> bool:
        """Whether a delta was sent since the last call of this method."""
        spoken, self._spoken = self._spoken, False
        return spoken

    def progress(self, seconds: float) -> None:
        """Writes what the answer is waiting for, so that readers of a silent stream see activity (S2, S4)."""
        self.form.progress(f"{self.activity} ({seconds:.0f} s).\n" if seconds >= 1 else f"{self.activity}.\n")

    def close(self, note: str = "", reason: FinishReason | None = None) -> tuple[FinishReason, dict[str, Any]]:
        """Ends open tools and sandboxes, then the answer, with `note` as its last text. Returns reason and usage."""
        for opened in list(self._open):
            self._end(opened, "error", {})
        for number, filled in enumerate(self._calls):
            if not filled:
                self.form.arguments(number, "{}")
        if self._links:
            self._send_links()
        if not (note or self.size or self._calls):
            note = "The answer is empty."
        if note:
            self.form.text(f"\n\n{note}" if self.said else note)
            self._noted = len(note.encode())
        self.closed = True
        if reason is None:
            reason = self.reason
            if reason in ("stop", "tool_calls"):
                reason = "tool_calls" if self._calls else "stop"
        return reason, self._total().as_json()

    def _total(self) -> Usage:
        spent = self._spent or Usage()
        if not spent.prompt_tokens:
            spent += Usage(prompt_tokens=prompt_tokens({"messages": messages(self.request), **tools(self.request)}))
        if not spent.completion_tokens:
            spent += Usage(completion_tokens=max(1, text_tokens(self.size + self._noted)))
        return spent

    def _speak(self) -> None:
        if self.closed:
            raise AnswerClosed
        self._spoken = True
        if self.first_at is None:
            self.first_at = self.clock()

    def _counted(self, text: str, write: Callable[[str], None]) -> None:
        if len(text) > MAX_PIECE_CHARACTERS:
            for start in range(0, len(text), MAX_PIECE_CHARACTERS):
                self._counted(text[start : start + MAX_PIECE_CHARACTERS], write)
            return
        if self.closed:
            raise AnswerClosed
        self._spoken = True
        if self.first_at is None:
            self.first_at = self.clock()
        self.size += len(text) if text.isascii() else len(text.encode())
        write(text)
        if self.size > self.max_bytes:
            raise AnswerFull

    def _whole_characters(self, text: str) -> str:
        """Joins surrogate pairs that arrived in two pieces, and replaces lone halves, which JSON parsers refuse."""
        text = self._half + text
        self._half = ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        self._unusual = bool(self._half or self._links)
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def _show(self, artifact: Artifact) -> None:
        """Sends an artifact's event at once, and its link with the text that follows, or at the end (A3).

        The benchmark scores how evenly content arrives, so a link seconds before the text would cost points. A `data:`
        URL counts neither in the usage (U3) nor towards the maximum size.
        """
        if artifact.id in self._shown:
            return
        self._speak()
        self._shown.add(artifact.id)
        self._links.append(artifact.markdown)
        self._unusual = True
        self.size += len(artifact.display_name.encode())
        self._observer.saved(artifact.type, artifact.size_bytes, artifact.display_name)
        self.form.artifact(artifact.as_json())

    def _send_links(self) -> None:
        links, self._links, self._unusual = self._links, [], bool(self._half)
        for link in links:
            self.form.link(f"\n\n{link}\n\n" if self.said else f"{link}\n\n")
            self.said = True

    def _start(self, kind: Literal["tool", "sandbox"], event: ToolStart | SandboxStart) -> None:
        if event.id in self._open:
            log.warning("a second start of a step with the same id was ignored", extra={"id": event.id})
            return
        self._speak()
        step = Step(kind, event.name, event.id, event.details)
        self._open[event.id] = step, self.clock()
        self.activity = f"Running {event.name}"
        self._observer.started(step)
        payload = {**event.details, "name": event.name, "status": "running", "id": event.id}
        self.form.janus(f"{kind}_start", payload, f"Running {event.name}.\n")

    def _end(self, id: str, status: str, details: dict[str, Any]) -> None:
        opened = self._open.pop(id, None)
        if opened is None:
            log.warning("the end of a step that had not started was ignored", extra={"id": id})
            return
        self._speak()
        step, since = opened
        took = self.clock() - since
        running = ", ".join(other.name for other, _ in self._open.values())
        self.activity = f"Running {running}" if running else "Waiting for the model"
        payload = {**details, "name": step.name, "status": status, "id": id, "duration_ms": round(took * 1000)}
        said = "is done" if status == "ok" else "failed"
        self._observer.ended(step, status, took, details)
        self.form.janus(f"{step.kind}_end", payload, f"{step.name} {said} after {took:.1f} s.\n")
