"""Keeps the wire form of messages, since PydanticAI's classes have no place for all of it.
Contract file: replaced by updates.

Names of participants, reasoning and a vendor's own fields reach the model again as they were (R5, R9), unless your code
has replaced or changed the parts that were made from the message.
"""

import copy
from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import ModelRequestPart, ModelResponsePart

Body = dict[str, Any]
Part = ModelRequestPart | ModelResponsePart


class Kept:
    """The messages of one answer in wire form, found by the parts that were made from them."""

    def __init__(self) -> None:
        self._by_first_part: dict[int, tuple[list[Part], list[Part], Body]] = {}

    def keep(self, parts: list[Any], message: Body) -> list[Any]:
        """Remembers the message from which these parts, at least one, were made. Returns the parts."""
        self._by_first_part[id(parts[0])] = (parts, [copy.copy(part) for part in parts], message)
        return parts

    def of(self, parts: Sequence[Part], at: int) -> tuple[Body | None, int]:
        """The message from which the parts from `at` on were made, and their number; None and 1 if there is none."""
        made, as_made, message = self._by_first_part.get(id(parts[at]) if parts else 0, ([], [], {}))
        found = parts[at : at + len(made)]
        same = len(found) == len(made) and all(map(_is_unchanged, found, made, as_made))
        return (message, len(made)) if made and same else (None, 1)


def _is_unchanged(part: Part, made: Part, as_made: Part) -> bool:
    return part is made and part == as_made
