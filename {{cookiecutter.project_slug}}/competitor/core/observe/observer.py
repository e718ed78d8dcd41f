"""Observers: what metrics, traces and the debug console are told about an answer; never a call per chunk."""
# Contract file: replaced by updates.

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..usage import Usage


@dataclass(frozen=True, slots=True)
class Step:
    """A tool or a sandbox at work."""

    kind: Literal["tool", "sandbox"]
    name: str
    id: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A finished call of the model. `error` is a key of `UPSTREAM_KINDS` or `cancelled`, `retried` has earlier ones."""

    model: str
    seconds: float
    usage: Usage | None
    error: str | None = None
    retried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """All that is known about a finished answer, without its text. Times are in seconds; only a stream has gaps."""

    request_id: str
    correlation_id: str | None
    mode: Literal["stream", "whole"]
    backend: str
    model: str
    end: str
    outcome: Literal["ok", "failed", "client_gone"]
    failure: str | None  # for a person
    error_type: str  # the failure as a label; empty for none
    finish_reason: str | None
    ttft: float | None
    largest_gap: float | None
    loop_lag: float | None
    duration: float
    usage: Mapping[str, int | float]

    def as_fields(self) -> dict[str, Any]:
        """For the log: times as whole milliseconds."""
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
    """Base observer of one answer: every callback does nothing. Callbacks come at any moment, so none may wait."""

    def doing(self, what: str) -> None:
        """What the answer is waiting for."""

    def started(self, step: Step) -> None:
        """A tool or a sandbox begins."""

    def ended(self, step: Step, status: str, seconds: float, details: Mapping[str, Any]) -> None:
        """A tool or a sandbox has ended; `status` is `ok` or `error`."""

    def saved(self, kind: str, size: int) -> None:
        """The user got an artifact of `size` bytes; `kind` is its type."""

    def called(self, call: ModelCall) -> None:
        """A call of the model has ended, with or without an error."""

    def finished(self, summary: Summary) -> None:
        """The answer has ended. No callback follows."""


class Observers(Observer):
    """Several observers as one."""

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

    def saved(self, kind: str, size: int) -> None:
        for observer in self._observers:
            observer.saved(kind, size)

    def called(self, call: ModelCall) -> None:
        for observer in self._observers:
            observer.called(call)

    def finished(self, summary: Summary) -> None:
        for observer in self._observers:
            observer.finished(summary)
