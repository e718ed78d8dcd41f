"""Records one request for the console, with the time of every event and how it ended."""
# Contract file: replaced by updates.

import json
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Protocol

from starlette.types import Send

from ..limits import MAX_RECORDED_ANSWER_BYTES, MAX_RECORDED_STEPS, MAX_SHOWN_REQUEST_BYTES
from ..observe.logs import conceal
from ..observe.observer import ModelCall, Observer, Step, Summary
from ..request.schema import ChatRequest
from ..stream.writer import BodyWriter
from .budget import Budget
from .cleaning import clean, fitting, unpieced
from .live import LiveLog
from .storage import new_number

# The platform's flow view knows these types and steps (E6).
_STEPS = {"tool": "TOOLS", "sandbox": "SANDY"}
_SHOWN_CHARACTERS = 120
_SHOWN_FIELDS = ("messages", "tools", "tool_choice", "response_format", "temperature", "max_tokens")
_LOOKED_AT_CHARACTERS = 20_000  # a secret that is cut off at the end would not be found

Json = dict[str, Any]


class Rest(Protocol):
    """The record of a request without its head. `made` is called in the thread that writes the files."""

    def made(self) -> Json: ...
    def free(self) -> None:
        """Releases the memory that the record holds."""
        ...


class Shelves(Protocol):
    """What a recorder needs to store its request. The console implements this protocol."""

    secrets: list[str]
    seconds: float
    budget: Budget

    def keep(self, number: str, head: Json, rest: Rest | None = None) -> bool: ...


class Recorder(Observer):
    """Records one request, without the secrets of the settings and without the user's token."""

    def __init__(self, console: Shelves, asked: ChatRequest, size: int, request_id: str, live: LiveLog | None):
        self._console, self._live = console, live
        self.followed_as = live.id if live else None  # the id of the request's debug stream
        self._number = new_number()
        self._began = time.monotonic()
        self._written: list[tuple[float, bytes]] = []
        self._whole: bytes | None = None
        self._steps: list[Json] = []  # model calls and tools
        self._began_steps: dict[str, Json] = {}
        self._asked_bytes = size
        self._size = self._held = 0
        self._cut = self._ended = False
        self._asked: ChatRequest | None = asked
        token = asked.chutes_access_token
        self._secrets = [*console.secrets, *([token.get_secret_value()] if token else [])]
        self._head: Json = {
            "request_id": request_id,
            "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "until": round(time.time() + console.seconds),
            "prompt": conceal(asked.text[:_LOOKED_AT_CHARACTERS], self._secrets)[:_SHOWN_CHARACTERS],
            "mode": "stream" if asked.stream else "whole",
            "state": "running",
        }
        self._kept = console.keep(self._number, self._head)
        if not (self._kept and self._holds(size)):
            self._asked = None
        self._tell("request_received", "REQ", "The request was accepted.", {"mode": self._head["mode"]})

    # Called for what is written to the client.

    def written(self, data: bytes) -> None:
        """Records one write of a stream."""
        if self._kept and self._fits(len(data)):
            self._written.append((time.monotonic() - self._began, data))

    def answered(self, body: bytes) -> None:
        """Records an answer that is one object."""
        if self._kept and self._fits(len(body)):
            self._whole = body

    # Observer callbacks.

    def doing(self, what: str) -> None:
        self._tell("agent_thinking", "AGENT", f"{what}.")

    def started(self, step: Step) -> None:
        self._began_steps[step.id] = self._step(step.kind, step.name, 0.0, details=dict(step.details))
        begins = "tool_call_start" if step.kind == "tool" else "sandbox_init"
        data = {"id": step.id, "name": step.name, **step.details}
        self._tell(begins, _STEPS[step.kind], f"Running {step.name}.", data)

    def ended(self, step: Step, status: str, seconds: float, details: Mapping[str, Any]) -> None:
        if (began := self._began_steps.pop(step.id, None)) is not None:
            began.update(ms=round(seconds * 1000, 1), status=status)
            began["details"] = {**began["details"], **details}
        said = f"{step.name} {'is done' if status == 'ok' else 'failed'} after {seconds:.1f} s."
        data = {"id": step.id, "name": step.name, "status": status, **details}
        self._tell("tool_call_complete", _STEPS[step.kind], said, data)

    def saved(self, kind: str, size: int, name: str) -> None:
        data = {"type": kind, "filename": name, "size_bytes": size}
        self._tell("artifact_generated", "AGENT", f"The artifact {name} of {size} bytes was sent.", data)

    def called(self, call: ModelCall) -> None:
        how = "answered" if call.error is None else f"failed: {call.error}"
        usage = call.usage.as_json() if call.usage else {}
        before = f"{', '.join(call.failed)} did not answer; " if call.failed else ""
        said = f"{before}{call.model} {how} after {call.seconds:.1f} s."
        data = {"model": call.model, "retried": list(call.retried), "failed": list(call.failed), **usage}
        sent = self._step("model", call.model, call.seconds, **data, status=call.error or "ok")
        if self._kept and call.body and self._asked_bytes <= MAX_SHOWN_REQUEST_BYTES:
            shown = {name: call.body[name] for name in _SHOWN_FIELDS if call.body.get(name) is not None}
            text = json.dumps(shown, default=str)
            if len(text) <= MAX_SHOWN_REQUEST_BYTES and self._holds(len(text)):
                sent["sent"] = text
        self._tell("model_selection", "FAST_LLM", said, data)

    def finished(self, summary: Summary) -> None:
        fields = {**summary.as_fields(), "advice": summary.advice}
        if self._kept:
            self._ended = True
            head = {**self._head, "state": summary.outcome, "summary": clean(fields, self._secrets)}
            self._console.keep(self._number, head, self)
        message = "The answer is complete." if summary.failure is None else f"It ended early: {summary.failure}."
        self._tell("response_complete" if summary.failure is None else "error", "SSE", message, fields)

    def close(self) -> None:
        """Ends the recording, however the answer ended. Frees its memory, unless the console still has to store it."""
        if not self._ended:
            self.free()

    # Called in the writer's thread.

    def made(self) -> Json:
        request, request_cut = (None, True) if self._asked is None else fitting(self._asked, self._secrets)
        events = [[round(at * 1000, 1), *event] for at, data in self._written for event in _events(data)]
        return {
            "request": request,
            "request_cut": request_cut,
            "events": unpieced(clean(events, self._secrets), self._secrets),
            "steps": [self._made_step(step) for step in sorted(self._steps, key=itemgetter("at"))],
            "cut": self._cut,
            "response": clean(json.loads(self._whole), self._secrets) if self._whole else None,
        }

    def _made_step(self, step: Json) -> Json:
        sent = json.loads(step["sent"]) if "sent" in step else None
        made: Json = clean({**step, "sent": sent}, self._secrets)
        return made

    def free(self) -> None:
        held, self._held = self._held, 0
        self._written, self._whole, self._asked = [], None, None
        self._console.budget.give(held)

    def _step(self, kind: str, name: str, seconds: float, **more: Any) -> Json:
        """Adds a node to the tree of what happened, which began `seconds` ago."""
        at = round((time.monotonic() - self._began - seconds) * 1000, 1)
        step = {"kind": kind, "name": name, "at": at, "ms": round(seconds * 1000, 1) if seconds else None, **more}
        if len(self._steps) < MAX_RECORDED_STEPS:
            self._steps.append(step)
        return step

    def _fits(self, size: int) -> bool:
        self._size += size
        fits = self._size <= MAX_RECORDED_ANSWER_BYTES and self._holds(size)
        self._cut = self._cut or not fits
        return fits

    def _holds(self, size: int) -> bool:
        fits = self._console.budget.take(size)
        self._held += size if fits else 0
        return fits

    def _tell(self, type: str, step: str, message: str, data: Json | None = None) -> None:
        if self._live is not None:
            self._live.tell(type, *clean([step, message, data], self._secrets))


class RecordedWriter(BodyWriter):
    """A writer that also records the events it writes."""

    __slots__ = ("_recorder",)

    def __init__(self, send: Send, recorder: Recorder):
        super().__init__(send)
        self._recorder = recorder

    def write(self, data: bytes) -> None:
        self._recorder.written(data)
        super().write(data)

    async def end(self, data: bytes) -> None:
        self._recorder.written(data)
        await super().end(data)


def _events(data: bytes) -> Iterable[tuple[Any, int]]:
    """Yields the events in the written data, with their sizes in bytes: chunks as objects, other events as text."""
    for event in data.split(b"\n\n"):
        if event:
            text = event.decode()
            yield (json.loads(text[6:]) if text.startswith("data: {") else text.removeprefix("data: ")), len(event) + 2
