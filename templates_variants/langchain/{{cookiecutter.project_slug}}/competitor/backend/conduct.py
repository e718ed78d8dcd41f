"""How the agent behaves, as a middleware of LangChain's: which tools it is offered, who runs them, when it must end."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.messages.tool import tool_call
from langgraph.types import Command

from ..core.chat import Chat
from ..core.events import Text
from ..core.toolbox import Running, Tool, Toolbox
from .bridge import ToolboxCall
from .model import ChatJanus
from .outbox import Outbox

# What one answer may read of its tools. Each character is paid for again with every following turn.
MAX_READ_CHARACTERS = 200_000
# The part of an answer's time that is kept for its last words.
LAST_WORDS_SHARE = 0.2
# Said for a model that even then only calls tools.
SPENT = "The answer ends here: its budget of turns, time and tool results is spent."


@dataclass
class Run:
    """One answer's work, LangGraph's context for it."""

    chat: Chat
    tools: list[Tool]
    outbox: Outbox
    model: ChatJanus
    max_turns: int
    turns: int = 0
    read: int = 0
    handed_back: bool = False  # calls of the client's tools have gone out: it answers next
    unreadable: dict[str, str] = field(default_factory=dict)  # arguments that are not JSON, by the call's id
    results: list[tuple[str, str]] = field(default_factory=list)  # of this turn: tool and text

    @property
    def seconds_left(self) -> float:
        """For tools, before it is time for the last words."""
        return self.chat.seconds_left - LAST_WORDS_SHARE * self.chat.settings.answer_seconds

    @property
    def is_spent(self) -> bool:
        return self.turns >= self.max_turns or self.read >= MAX_READ_CHARACTERS or self.seconds_left <= 0

    @property
    def toolbox(self) -> Toolbox:
        return Toolbox(self.tools, seconds=max(0.1, min(self.chat.settings.tool_seconds, self.seconds_left)))


class Conduct(AgentMiddleware[AgentState[Any], Run]):
    """Offers the tools of the client and ours, hands calls of the client's back (S10), and keeps to the budget."""

    async def awrap_model_call(
        self, request: ModelRequest[Run], handler: Callable[[ModelRequest[Run]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """One turn: the model with this request's tools, its calls sorted by who runs them."""
        run = request.runtime.context
        if run.handed_back:
            for name, text in run.results:  # so that the client's history keeps what ours found out
                run.outbox.report(Text(f"\n\n{name}: {text}"))
            return ModelResponse(result=[AIMessage("")])
        run.turns += 1
        run.results.clear()
        offer = run.chat.offer(run.toolbox.schemas)
        last = run.is_spent
        choice = "none" if last else offer.get("tool_choice")
        response = await handler(request.override(model=run.model, tools=offer.get("tools", []), tool_choice=choice))
        said = response.result[-1]
        if isinstance(said, AIMessage):
            response.result[-1] = self._sorted(said, run, last=last)
            if last and not said.text:
                run.outbox.report(Text(SPENT))
        return response

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """The toolbox runs the call, also one of a tool that does not exist: its text tells the model what does."""
        run, call = cast(Run, request.runtime.context), request.tool_call
        text = run.unreadable.get(call["id"] or "", json.dumps(call["args"]))
        tool = ToolboxCall(name=call["name"], call=call, text=text, toolbox=run.toolbox, report=run.outbox.report)
        message = await handler(request.override(tool=tool))
        if isinstance(message, ToolMessage):
            run.read += len(message.text)
            run.results.append((call["name"], message.text))
        return message

    def _sorted(self, said: AIMessage, run: Run, *, last: bool) -> AIMessage:
        """The model's message with the calls that are ours to run, the unreadable ones among them."""
        run.unreadable = {call["id"] or "": call["args"] or "" for call in said.invalid_tool_calls}
        unreadable = [tool_call(name=call["name"] or "", args={}, id=call["id"]) for call in said.invalid_tool_calls]
        calls = [*said.tool_calls, *unreadable]
        theirs = {tool.function.name for tool in run.chat.request.offered_tools}
        run.handed_back = any(call["name"] in theirs for call in calls)
        ours = [] if last else [call for call in calls if call["name"] not in theirs]
        return said.model_copy(update={"tool_calls": ours[: Running.MOST], "invalid_tool_calls": []})
