"""How the agent behaves, as a middleware of LangChain's: which tools it is offered, who runs them, when it must end."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.messages.tool import tool_call
from langgraph.types import Command

from ..core.chat import Chat
from ..core.events import Reasoning, Text
from ..core.tools.tool import Result
from ..core.tools.toolbox import Running, Toolbox
from .bridge import ToolboxCall
from .model import ChatJanus
from .outbox import Outbox

# What one answer may read of its tools. All of it is paid for again with every following turn.
MAX_OUTPUT_BYTES = 100_000
# The part of the answer's time that is kept for the last words.
LAST_WORDS = 0.2
# How long a call waits for the others of its turn.
TOGETHER_SECONDS = 0.1


@dataclass
class Run:
    """One answer's work, LangGraph's context for it."""

    chat: Chat
    toolbox: Toolbox
    outbox: Outbox
    model: ChatJanus
    turns_left: int
    read: int = 0  # bytes of results
    handed_back: bool = False  # calls of the client's tools have gone out: it answers next
    unreadable: dict[str, str] = field(default_factory=dict)  # arguments that are not JSON, by the call's id
    results: dict[str, tuple[str, str]] = field(default_factory=dict)  # of the last turn: id -> the tool, its text

    def __post_init__(self) -> None:
        self._last_words_at = self.chat.settings.answer_seconds * LAST_WORDS
        self._ready, self._all_ready = 0, asyncio.Event()

    @property
    def seconds_left(self) -> float:
        """For tools, before it is time for the last words."""
        return self.chat.seconds_left - self._last_words_at

    @property
    def is_spent(self) -> bool:
        return self.turns_left <= 0 or self.read > MAX_OUTPUT_BYTES or self.seconds_left <= 0

    @property
    def theirs(self) -> set[str]:
        """The names of the client's tools."""
        return {tool.function.name for tool in self.chat.request.offered_tools}

    @property
    def told(self) -> str:
        """What came of the last calls, as a part of the answer: a client's history holds nothing else of them."""
        return "".join(f"{name}: {text[:2_000]}\n" for name, text in self.results.values())

    def new_turn(self, calls: list[ToolCall]) -> None:
        self.results = {call["id"] or "": (call["name"], "") for call in calls}
        self._ready, self._all_ready = 0, asyncio.Event()

    async def others(self) -> None:
        """Waits for the turn's other calls, so that all start at once; not for long: a middleware may keep one back."""
        self._ready += 1
        if self._ready >= min(len(self.results), Running.MOST):
            self._all_ready.set()
            await asyncio.sleep(0)  # the others first: they came before
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOGETHER_SECONDS):
                await self._all_ready.wait()


class Conduct(AgentMiddleware[AgentState[Any], Run]):
    """Offers the tools of the client and ours, hands calls of the client's back (S10), and keeps to the budget."""

    async def awrap_model_call(
        self, request: ModelRequest[Run], handler: Callable[[ModelRequest[Run]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """One turn: the model with this request's tools, its calls sorted by who runs them."""
        run = request.runtime.context
        if run.handed_back:
            run.outbox.report(Text(run.told))
            return ModelResponse(result=[AIMessage("")])
        offer = run.chat.offer(run.toolbox.schemas)
        choice = offer.get("tool_choice")
        if last := run.is_spent:
            run.outbox.report(Reasoning("The budget for tools is spent; I answer with what there is.\n"))
            choice = "none"
        run.turns_left -= 1
        response = await handler(request.override(model=run.model, tools=offer.get("tools", []), tool_choice=choice))
        said = response.result[-1]
        if isinstance(said, AIMessage):
            response.result[-1] = _last(said, run) if last else _sorted(said, run)
        return response

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """The toolbox runs the call, also one of a tool that does not exist: its text tells the model what does."""
        run, call = cast(Run, request.runtime.context), request.tool_call
        if call["id"] in list(run.results)[Running.MOST :]:
            left_out = f"Not run: at most {Running.MOST} calls are run at once."
            return ToolMessage(left_out, tool_call_id=call["id"], name=call["name"], status="error")
        text = run.unreadable.get(call["id"] or "", json.dumps(call["args"]))

        async def run_it() -> Result:
            await run.others()
            limit = max(0.1, run.seconds_left)
            return await run.toolbox.run(call["name"], text, run.outbox.report, seconds=limit)

        tool = ToolboxCall(name=call["name"], call=call, run_it=run_it)
        message = await handler(request.override(tool=tool))
        if isinstance(message, ToolMessage):
            run.read += len(message.text.encode())
            run.results[call["id"] or ""] = (call["name"], message.text)
        return message


def _sorted(said: AIMessage, run: Run) -> AIMessage:
    """The message with the calls that are ours to run, the unreadable ones among them; the client has its own."""
    run.unreadable = {call["id"] or "": call["args"] or "" for call in said.invalid_tool_calls}
    unreadable = [tool_call(name=call["name"] or "", args={}, id=call["id"]) for call in said.invalid_tool_calls]
    calls = [*said.tool_calls, *unreadable]
    ours = [call for call in calls if call["name"] not in run.theirs]
    run.handed_back = len(ours) < len(calls)
    run.new_turn(ours)
    if ours and said.text:
        run.outbox.report(Text("\n\n"))
    return said.model_copy(update={"tool_calls": ours, "invalid_tool_calls": []})


def _last(said: AIMessage, run: Run) -> AIMessage:
    """The message without calls: nobody will run them any more."""
    if not (said.text or any(call["name"] in run.theirs for call in said.tool_calls)):
        run.outbox.report(Text(f"I could not finish within my budget. What came last:\n{run.told}"))
    return said.model_copy(update={"tool_calls": [], "invalid_tool_calls": []})
