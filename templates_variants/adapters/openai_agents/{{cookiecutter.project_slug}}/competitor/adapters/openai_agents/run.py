"""The run of one answer in the Agents SDK: what all adapters share, and the conversation in wire format."""
# Contract file: replaced by updates.

from dataclasses import dataclass, field
from typing import Any, cast

from ...api import Completion
from ..shared import Budget, Run, current

Body = dict[str, Any]


@dataclass
class AgentsRun(Run):
    """The run of one answer that `stream` has started."""

    budget: Budget = field(default_factory=Budget)
    hold_characters: int = 0
    messages: list[Body] = field(default_factory=list)  # the caller's conversation
    items: list[Body] = field(default_factory=list)  # the same as the SDK's items
    said: dict[tuple[str, ...], Body] = field(default_factory=dict)  # ids of tool calls -> the message that has them
    used: set[str] = field(default_factory=set)  # the ids of all calls so far
    handed_back: bool = False  # the client got calls of its tools and must answer next
    has_shown: bool = False  # whether the client got text of a model

    def __post_init__(self) -> None:
        super().__post_init__()
        self.used |= {item["call_id"] for item in self.items if "call_id" in item}

    async def show(self, completion: Completion) -> None:
        self.has_shown = True
        await super().show(completion)
        self.handed_back = self.handed_back or bool(completion.client_calls)


def current_run() -> AgentsRun | None:
    return cast(AgentsRun | None, current())
