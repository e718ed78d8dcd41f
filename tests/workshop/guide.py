"""Parses docs/workshop.md into commands and edits, each for certain backends or for all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..template_path import TEMPLATE

GUIDE = TEMPLATE / "docs" / "workshop.md"
_BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- (backend: ([\w -]+?)|not run.*?) -->")


@dataclass(frozen=True)
class Command:
    """A command after a `$`, with the lines of its output that the guide shows."""

    step: int
    line: str
    shown: list[str]


@dataclass(frozen=True)
class Edit:
    """Replaces `old` by `new` in a file. If `old` is None, `new` replaces the whole file."""

    step: int
    path: str
    old: str | None
    new: str


def things_to_do(backend: str) -> Iterator[Command | Edit]:
    """The commands and edits of the guide for this backend, in order."""
    text = GUIDE.read_text(encoding="utf-8")
    for number, section in enumerate(re.split(r"^## \d\. ", text, flags=re.MULTILINE)[1:], 1):
        for block in _BLOCK.finditer(section):
            mark = list(_MARK.finditer(section[: block.start()]))[-1:]
            last = mark[0] if mark else None
            if last is not None and _not_for(backend, last, section[last.end() : block.start()]):
                continue
            kind, path, content = block.groups()
            yield from _commands(number, content) if kind == "console" else [_edit(number, kind, path, content)]


def _not_for(backend: str, mark: "re.Match[str]", between: str) -> bool:
    if mark[2] is None:  # "not run" applies only to the next block
        return "```" not in between
    return backend not in mark[2].split() and mark[2] != "all"


def _commands(step: int, content: str) -> Iterator[Command]:
    for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        yield Command(step, line, [each for each in shown if each.strip()])


def _edit(step: int, kind: str, path: str, content: str) -> Edit:
    if kind != "diff":
        return Edit(step, path, None, content)
    lines = content.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if not line.startswith("+"))
    new = "".join(line[1:] for line in lines if not line.startswith("-"))
    return Edit(step, path, old, new)
