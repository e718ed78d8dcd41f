"""A task of the evaluation: what is asked, what a perfect answer is, and how an answer is graded.
Contract file: replaced by updates.

Tasks are made from a seed, so that nobody can learn them by heart and any two processes make the same ones.
"""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .png import Picture

Json = dict[str, Any]
CHARACTERS_PER_TOKEN = 4
IMAGE_TOKENS = 85  # what an image costs, roughly, at low detail


@dataclass(frozen=True)
class Call:
    """A call of one of the client's tools."""

    name: str
    arguments: Json


@dataclass(frozen=True)
class Right:
    """A perfect answer.

    With `pages`, the answer needs these pages of the library (see `library.py`), which `queries` find. With `picture`,
    it has this picture.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    queries: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    picture: Picture | None = None


@dataclass(frozen=True)
class Answer:
    """What a server answered. `times` are the seconds after the request at which pieces of the text arrived.

    `failure` says in one sentence why there is no usable answer; it is empty if there is one.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    times: tuple[float, ...] = ()
    first: float | None = None  # seconds until the first text, reasoning or call
    tokens: int = 0  # all that the server says in `usage`
    written: int = 0  # those of them that are the completion
    seconds: float = 0.0
    failure: str = ""


@dataclass(frozen=True)
class Grade:
    """`points` from 0 to 1, and what cost points, in one sentence."""

    points: float
    why: str = ""


@dataclass(frozen=True)
class Task:
    """One question. `grade` is deterministic. `reads` are the tokens of pages that any agent must read."""

    id: str
    kind: str
    content: str | list[Json]
    right: Right
    grade: Callable[[Answer], Grade]
    tools: tuple[Json, ...] = ()
    fields: Json = field(default_factory=dict)
    reads: int = 0

    @cached_property
    def body(self) -> Json:
        """The request, without `model` and `stream`."""
        tools: Json = {"tools": list(self.tools)} if self.tools else {}
        return {"messages": [{"role": "user", "content": self.content}], **tools, **self.fields}

    @property
    def text(self) -> str:
        return text_of(self.content)

    @cached_property
    def baseline(self) -> int:
        """The tokens of a perfect answer without any addition: the question, what must be read, and the answer."""
        return prompt_tokens(self.body) + self.reads + tokens(self.right.text + said(self.right.calls))


@dataclass(frozen=True)
class Kind:
    """A kind of task. `counts` is the part of the score that its grades make: quality, modality or streaming."""

    name: str
    about: str
    make: Callable[[random.Random, int, str], Task]
    counts: str = "quality"


def made(kind: Kind, seed: int, count: int) -> list[Task]:
    """The first `count` tasks of a kind, which are the same for the same seed. No two have the same text."""
    found: dict[str, Task] = {}
    attempt = 0
    while len(found) < count:
        number, attempt = len(found), attempt + 1
        task = kind.make(random.Random(f"{seed}/{kind.name}/{attempt}"), number, f"{kind.name}/{number}")
        found.setdefault(task.text, task)
    return list(found.values())


def text_of(content: Any) -> str:
    """The text of a message's content, which may be a list of parts."""
    if isinstance(content, list):
        parts = [str(part.get("text") or "") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if part)
    return content if isinstance(content, str) else ""


def tokens(text: str) -> int:
    """An estimate of a text's tokens."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """An estimate of a request's prompt tokens: the texts, images and calls of its messages, and its tools."""
    count = 0
    for message in body.get("messages") or ():
        content = message.get("content")
        count += tokens(text_of(content))
        if isinstance(content, list):
            count += IMAGE_TOKENS * sum(part.get("type") == "image_url" for part in content if isinstance(part, dict))
        count += tokens("".join(json.dumps(call.get("function")) for call in message.get("tool_calls") or ()))
    return count + tokens("".join(json.dumps(tool) for tool in body.get("tools") or ()))


def said(calls: Sequence[Call]) -> str:
    """Calls as the text that a model pays for."""
    return "".join(f"{call.name}{json.dumps(call.arguments)}" for call in calls)


def same(wanted: Any, given: Any) -> bool:
    """Whether two values mean the same: case and spaces around a text do not matter, `1` equals `1.0`."""
    if isinstance(wanted, bool) or isinstance(given, bool):
        return wanted is given
    if isinstance(wanted, str) and isinstance(given, str):
        return wanted.strip().casefold() == given.strip().casefold()
    if isinstance(wanted, list) and isinstance(given, list):
        return len(wanted) == len(given) and all(map(same, wanted, given))
    if isinstance(wanted, dict) and isinstance(given, dict):
        return wanted.keys() == given.keys() and all(same(wanted[name], given[name]) for name in wanted)
    if isinstance(wanted, int | float) and isinstance(given, int | float):
        return abs(wanted - given) < 1e-6
    return wanted is given


_AROUND = re.compile(r"^[\s*_`.\"']+|[\s*_`.\"']+$")
_FINAL = re.compile(r"(?i)\banswer\s*[:=]\s*(.+)")


def final(text: str) -> str:
    """What follows the last "Answer:" of a text; without one, its last line."""
    found = _FINAL.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return _AROUND.sub("", found[-1] if found else lines[-1] if lines else "")


def is_final(wanted: str) -> Callable[[Answer], Grade]:
    """Grades by the final answer: a number may have thousands separators and a unit, a word must be the same."""

    def grade(answer: Answer) -> Grade:
        told = final(answer.text)
        if _plain(told) == _plain(wanted):
            return Grade(1.0)
        return Grade(0.0, f"the answer is {told[:60]!r}, not {wanted!r}" if told else "there is no answer")

    return grade


def _plain(text: str) -> str:
    """A text to compare: a number without separators, unit and zeros at the end; a word in lower case."""
    if found := re.fullmatch(r"[^\d-]{0,3}(-?\d[\d,]*(?:\.\d+)?)\s*[^\d]{0,12}", text):
        return f"{float(found[1].replace(',', '')):.6f}"
    return text.casefold()
