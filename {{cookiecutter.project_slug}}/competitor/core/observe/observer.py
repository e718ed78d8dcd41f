"""Observers: callbacks about an answer, for metrics, traces and the console. No observer is called for each chunk."""
# Contract file: replaced by updates.

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..usage import Usage


@dataclass(frozen=True, slots=True)
class Step:
    """A tool or a sandbox that runs."""

    kind: Literal["tool", "sandbox"]
    name: str
    id: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A finished model call. `error` is a key of `UPSTREAM_KINDS` or `cancelled`; `retried` lists earlier errors.

    `failed` names the models of a list that come before `model` and did not answer, now or a moment ago. `body` is the
    request as the backend made it.
    """

    model: str
    seconds: float
    usage: Usage | None
    error: str | None = None
    retried: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """All facts about a finished answer, but not its text. Times are in seconds. Only a stream has gaps."""

    request_id: str
    correlation_id: str | None
    mode: Literal["stream", "whole"]
    backend: str
    model: str
    end: str
    outcome: Literal["ok", "failed", "client_gone"]
    failure: str | None  # for people to read
    error_type: str  # the failure as a metric label; empty if there was none
    finish_reason: str | None
    ttft: float | None
    largest_gap: float | None
    loop_lag: float | None
    duration: float
    usage: Mapping[str, Any]
    advice: str | None = None  # for the owner: what to correct; the log has a line of its own about it

    def as_fields(self) -> dict[str, Any]:
        """The fields for the log, with times in whole milliseconds."""
        return {
            "request_id": self.request_id,
            "correlation_id": self.correlation_id,
            "mode": self.mode,
            "backend": self.backend,
            "model": self.model,
            "end": self.end,
            "failure": self.failure,
            "finish_reason": self.finish_reason,
            "ttft_ms": _milliseconds(self.ttft),
            "largest_gap_ms": _milliseconds(self.largest_gap),
            "loop_lag_ms": _milliseconds(self.loop_lag),
            "duration_ms": _milliseconds(self.duration),
            **self.usage,
        }


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


class Observer:
    """Observes one answer. Here, all callbacks do nothing. They may be called at any time and must not block."""

    def doing(self, what: str) -> None:
        """Called when the answer has to wait; `what` is a text for the user that says why."""

    def started(self, step: Step) -> None:
        """Called when a tool or a sandbox starts."""

    def ended(self, step: Step, status: str, seconds: float, details: Mapping[str, Any]) -> None:
        """Called when a tool or a sandbox has ended; `status` is `ok` or `error`."""

    def saved(self, kind: str, size: int, name: str) -> None:
        """Called when the user got an artifact of `size` bytes; `kind` is its type."""

    def called(self, call: ModelCall) -> None:
        """Called when a model call has ended, with or without an error."""

    def finished(self, summary: Summary) -> None:
        """Called when the answer has ended. No other callback follows."""


class Observers(Observer):
    """Passes each callback on to several observers."""

    def __init__(self, *observers: Observer):
        self._observers = observers

    def doing(self, what: str) -> None:
        for observer in self._observers:
            observer.doing(what)

    def started(self, step: Step) -> None:
        for observer in self._observers:
            observer.started(step)

    def ended(self, step: Step, status: str, seconds: float, details: Mapping[str, Any]) -> None:
        for observer in self._observers:
            observer.ended(step, status, seconds, details)

    def saved(self, kind: str, size: int, name: str) -> None:
        for observer in self._observers:
            observer.saved(kind, size, name)

    def called(self, call: ModelCall) -> None:
        for observer in self._observers:
            observer.called(call)

    def finished(self, summary: Summary) -> None:
        for observer in self._observers:
            observer.finished(summary)
