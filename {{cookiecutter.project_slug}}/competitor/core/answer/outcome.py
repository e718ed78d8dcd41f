"""The outcome: how the work on an answer ended. The answer's last text, the log, metrics and traces depend on it.
Contract file: replaced by updates.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from ..events import FinishReason


class End(Enum):
    """What ended the work on an answer."""

    DONE = "done"
    GONE = "client gone"
    LATE = "time limit"
    SHUTDOWN = "shutdown"


class Failure(Enum):
    """Why an answer failed. The value is a label of the metrics."""

    BACKEND = "backend"
    UPSTREAM = "upstream"
    ARTIFACT = "artifact"
    SERVICE = "service"
    TOO_LONG = "answer_too_long"
    NO_SLOT = "no_free_slot"
    CLIENT_GONE = "client_gone"
    CLIENT_STUCK = "the_client_does_not_read"
    TIME_LIMIT = "time_limit"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an answer ended. `cause` is the kind of an `UpstreamError` or `ArtifactError`, or an exception's name.

    `note` is the last sentence of the answer; `reason`, if given, replaces the model's finish reason. `advice` is a
    sentence for the owner: which line is wrong, and what to write instead.
    """

    end: End = End.DONE
    failure: Failure | None = None
    cause: str = ""
    note: str = ""
    reason: FinishReason | None = None
    advice: str | None = None

    @property
    def error_type(self) -> str:
        """The failure as a metric label, without details that differ each time; empty if there was no failure."""
        if self.failure is None:
            return ""
        kinds = (Failure.UPSTREAM, Failure.ARTIFACT)
        return f"{self.failure.value}_{self.cause}" if self.failure in kinds else self.failure.value

    @property
    def status(self) -> Literal["ok", "failed", "client_gone"]:
        if self.failure in (Failure.CLIENT_GONE, Failure.CLIENT_STUCK):
            return "client_gone"
        return "failed" if self.failure else "ok"

    @property
    def words(self) -> str | None:
        """The failure for people to read, such as `upstream silent`; None if there was no failure."""
        if self.failure is Failure.BACKEND:
            return f"backend: {self.cause}"
        return f"{self.failure.value.replace('_', ' ')} {self.cause}".strip() if self.failure else None
