"""What a server under test answered: whole responses and streams, with the times at which their lines arrived."""
# Contract file: replaced by updates.

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar, cast

T = TypeVar("T")
Json = dict[str, Any]

CHAT = "/v1/chat/completions"


class Failed(AssertionError):
    """A clause does not hold. The message says what was observed, as a sentence without a full stop."""


class Late(Failed):
    """A time limit was exceeded, by `over` seconds. A machine that was late for longer may be the reason."""

    def __init__(self, sentence: str, over: float) -> None:
        super().__init__(sentence)
        self.over = over


class Untimed(Failed):
    """A clause does not hold, and no lateness of this machine can be the reason, although the case is `timed`."""


class NotShown(Exception):
    """A clause cannot be checked on this target. The message says what is missing."""


class Elsewhere(NotShown):
    """Another case judges this part of an answer, so that one fault is told once."""


def judged_by(case: str, holds: object) -> None:
    """Raises `Elsewhere` unless `holds` is true: the case with this id says then what is wrong."""
    if not holds:
        raise Elsewhere(f"{case} judges this")


def require(holds: object, sentence: str) -> None:
    """Raises `Failed` with the sentence unless `holds` is true."""
    if not holds:
        raise Failed(sentence)


def require_in_time(seconds: float, limit: float, sentence: str) -> None:
    """Raises `Late` with the sentence if `seconds` are more than the limit."""
    if seconds > limit:
        raise Late(sentence, seconds - limit)


def member(value: object, kind: type[T], *path: str | int) -> T:
    """Returns the member at `path` of parsed JSON. Raises `Failed` if it is missing or is not of type `kind`."""
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".") or "the body"
    for step in path:
        try:
            value = value[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            raise Failed(f"{where} is missing") from None
    wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    require(not wrong, f"{where} is {str(value)[:40]!r}, which has a wrong type")
    return cast(T, value)


@dataclass(frozen=True)
class Request:
    """A request as it was sent.

    `origin` is the server's URL without a path. `hidden` are the names of headers that the user has given with their
    values, such as a key; `headers` does not have them. `environment` are the variables at the server's start, or None
    if they are not known.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = ""
    hidden: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    @property
    def json(self) -> Json:
        """The body that a check sent as JSON; an empty object if it sent something else."""
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


@dataclass(frozen=True)
class Reply:
    """A response that was read completely, and its request. The names in `headers` are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    request: Request = field(default=Request("GET", "/"), repr=False)  # it may hold secrets

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Failed(f"the body is not JSON: {self.body[:60]!r}") from None

    @property
    def is_object(self) -> bool:
        """Whether the body is a JSON object."""
        try:
            return isinstance(self.json(), dict)
        except Failed:
            return False

    def get(self, kind: type[T], *path: str | int) -> T:
        """Returns a member of the JSON body. Raises `Failed` if it is missing or has another type."""
        return member(self.json(), kind, *path)

    @property
    def message(self) -> Json:
        """The message of a whole answer."""
        return self.get(dict, "choices", 0, "message")

    @property
    def calls(self) -> list[Json]:
        """The tool calls in the message of a whole answer."""
        found = self.message.get("tool_calls") or []
        require(isinstance(found, list), "message.tool_calls is not a list")
        require(all(isinstance(call, dict) for call in found), "a tool call is not an object")
        functions = [call.get("function", {}) for call in found]
        require(all(isinstance(each, dict) for each in functions), "the function of a tool call is not an object")
        return list(found)


@dataclass(frozen=True)
class Unanswered:
    """A request that got no response, or whose response broke off."""

    request: Request
    reason: str


@dataclass
class Stream:
    """A streamed response, line by line. Times are seconds since the request was sent."""

    status: int
    headers: Mapping[str, str]
    lines: list[tuple[float, bytes]] = field(default_factory=list)
    cut: str = ""  # why the connection ended too early; empty if it ended properly
    seconds: float = 0.0  # when the response ended
    sent: float = 0.0  # when the request was sent, by `time.monotonic`
    request: Request = field(default=Request("POST", CHAT), repr=False)

    @cached_property
    def data(self) -> list[tuple[float, bytes]]:
        """The contents of the `data:` lines, with their times."""
        return [(at, line[5:].removeprefix(b" ")) for at, line in self.lines if line.startswith(b"data:")]

    @cached_property
    def chunks(self) -> list[tuple[float, Json]]:
        """The JSON of each `data:` line except `[DONE]`. Only a line feed ends a line. Raises `Failed` for bad JSON."""
        found = []
        for at, data in self.data:
            if data != b"[DONE]":
                try:
                    chunk = json.loads(data)
                except (ValueError, RecursionError):
                    raise Failed(f"a data line is not JSON: {data[:60]!r}") from None
                require(isinstance(chunk, dict), "a chunk is not an object")
                found.append((at, chunk))
        return found

    @cached_property
    def choices(self) -> list[tuple[float, Json]]:
        found = [(at, choice) for at, chunk in self.chunks for choice in _list(chunk.get("choices"))]
        require(all(isinstance(choice, dict) for _, choice in found), "a choice is not an object")
        return found

    @cached_property
    def fragments(self) -> list[Json]:
        """The fragments of tool calls."""
        found = [piece for _, delta in self.deltas for piece in _list(delta.get("tool_calls"))]
        require(all(isinstance(piece, dict) for piece in found), "a fragment of a tool call is not an object")
        functions = [piece.get("function", {}) for piece in found]
        require(all(isinstance(each, dict) for each in functions), "the function of a fragment is not an object")
        return found

    @cached_property
    def events(self) -> list[tuple[Json, Json]]:
        """The Janus events, each with the delta that holds it."""
        found = [(delta["janus"], delta) for _, delta in self.deltas if "janus" in delta]
        require(all(isinstance(event, dict) for event, _ in found), "delta.janus is not an object")
        return found

    @cached_property
    def deltas(self) -> list[tuple[float, Json]]:
        return [(at, choice["delta"]) for at, choice in self.choices if isinstance(choice.get("delta"), dict)]

    @property
    def done(self) -> bool:
        return any(data == b"[DONE]" for _, data in self.data)

    @property
    def text(self) -> str:
        return "".join(str(delta.get("content") or "") for _, delta in self.deltas)

    @property
    def reasoning(self) -> str:
        return "".join(str(delta.get("reasoning_content") or "") for _, delta in self.deltas)

    @property
    def finish_reasons(self) -> list[str]:
        return [choice["finish_reason"] for _, choice in self.choices if choice.get("finish_reason") is not None]

    @property
    def usages(self) -> list[Json]:
        return [chunk["usage"] for _, chunk in self.chunks if chunk.get("usage") is not None]

    @property
    def first_word(self) -> float | None:
        """The time in seconds of the first delta with content, reasoning or a tool call; None if there was none."""
        names = ("content", "reasoning_content", "tool_calls")
        return next((at for at, delta in self.deltas if any(delta.get(name) for name in names)), None)

    @property
    def largest_gap(self) -> float:
        """The longest time between two lines, in seconds. Comments count, and so does the wait for the first line."""
        times = [0.0, *(at for at, line in self.lines if line)]
        return max((after - before for before, after in pairwise(times)), default=0.0)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
