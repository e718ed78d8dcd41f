"""The run of one answer in PydanticAI: what all adapters share, the wire form of messages, and the tools on offer."""
# Contract file: replaced by updates.

from dataclasses import dataclass, field
from typing import Any, cast

from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart

from ...api import Completion
from ..shared import Run, current
from .kept import Kept


@dataclass
class PydanticRun(Run):
    """The run of one answer that `stream` has started."""

    kept: Kept = field(default_factory=Kept)
    sent_calls: set[str] = field(default_factory=set)  # ids of the calls that the client has got
    has_shown: bool = False  # whether the client got text of a model
    step: int = -1  # the step of the agent for which tools were offered last
    offered: dict[str, Any] = field(default_factory=dict)  # the tools of this step
    choice: Any = None  # the tool_choice of this step

    async def show(self, completion: Completion) -> None:
        self.has_shown = True
        await super().show(completion)
        self.sent_calls |= {call.id for call in completion.client_calls}

    def note_results(self, message: ModelMessage) -> None:
        """Remembers the results of the last turn, as the agent has made them."""
        for part in message.parts if isinstance(message, ModelRequest) else ():
            if isinstance(part, ToolReturnPart) and part.tool_call_id in self.results:
                name, _ = self.results[part.tool_call_id]
                self.note(part.tool_call_id, name, part.model_response_str())


def current_run() -> PydanticRun:
    """The current run. Raises `RuntimeError` outside `stream`."""
    if (run := current()) is None:
        raise RuntimeError("CompetitorTools works only inside stream(agent, chat)")
    return cast(PydanticRun, run)
