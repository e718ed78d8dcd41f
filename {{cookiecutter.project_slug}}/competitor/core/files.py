# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""Files that a competitor makes for its user, and the one place that decides how they reach the user."""

import re
from dataclasses import dataclass

from .events import Event, Text


@dataclass(frozen=True, slots=True)
class File:
    """A file of text. `name` is for people; it never reaches a file system."""

    name: str
    content: str


def handed_over(file: File) -> Event:
    """The file as a part of the answer: a fenced block under its name."""
    longest = max((len(fence) for fence in re.findall(r"`{3,}", file.content)), default=2)
    fence = "`" * (longest + 1)
    return Text(f"\n\n`{file.name}`:\n\n{fence}\n{file.content.removesuffix(chr(10))}\n{fence}\n\n")
