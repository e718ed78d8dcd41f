"""The middleware that gives a LangChain agent your tools and the client's tools, and enforces the agent's budget.
Contract file: replaced by updates.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.messages.tool import tool_call
from langchain_core.tools import BaseTool
from langgraph.types import Command

from ...api import MAX_CALLS_AT_ONCE, Chat, Offers, Reasoning, Result, Text, Tool, Toolbox
from .run import Run, current
from .tools import ToolboxCall, from_langchain

MAX_TURNS = 8
# Maximum size of the results that one answer may read, in bytes. Each later turn pays for all of them again.
MAX_OUTPUT_BYTES = 100_000
# The share of the answer's time that is reserved for the last model call.
LAST_WORDS = 0.2


class CompetitorMiddleware(AgentMiddleware[AgentState[Any], None]):
    """Put this last into an agent's `middleware`, so that other middleware (retries, fallbacks, ...) wraps it.

    In each turn, the model is offered the client's tools, those of `tools(chat)`, and those of `create_agent`, as
    `offers` says (see `Toolbox`). The toolbox runs a turn's calls at the same time; calls of the client's tools go back
    to the client (S10). One last model call without tools ends the answer in three cases: after `max_turns` model
    calls, if the results exceed `max_output_bytes`, or if only the fraction `last_words` of the answer's time (S15) is
    left.
    """

    def __init__(
        self,
        tools: Callable[[Chat], Iterable[Tool]] = lambda chat: (),
        *,
        max_turns: int = MAX_TURNS,
        max_output_bytes: int = MAX_OUTPUT_BYTES,
        last_words: float = LAST_WORDS,
        offers: Offers = "all",
    ):
        super().__init__()
        self._tools, self._max_turns, self._max_output_bytes = tools, max_turns, max_output_bytes
        self._last_words, self._offers = last_words, offers

    async def awrap_model_call(
        self, request: ModelRequest[None], handler: Callable[[ModelRequest[None]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Runs one turn: asks the model with the tools of this request, and decides who runs each of its calls."""
        run = _run()
        if run.handed_back:
            run.report(Text(run.told))
            return ModelResponse(result=[AIMessage("")])
        offer = self._toolbox(run, request.tools).offer(run.chat)
        choice = offer.get("tool_choice")
        if last := self._is_spent(run):
            run.report(Reasoning("The budget for tools is spent; I answer with what I have.\n"))
            choice = "none"
        run.turns += 1
        response = await handler(request.override(tools=offer.get("tools", []), tool_choice=choice))
        said = response.result[-1]
        if isinstance(said, AIMessage):
            response.result[-1] = _without_calls(said, run) if last else _own_calls(said, run)
        return response

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Lets the toolbox run the call, even for an unknown tool: the result then lists the tools that exist."""
        run, call = _run(), request.tool_call
        if call["id"] in list(run.results)[MAX_CALLS_AT_ONCE:]:
            left_out = f"Not run: at most {MAX_CALLS_AT_ONCE} calls are run at once."
            return ToolMessage(left_out, tool_call_id=call["id"], name=call["name"], status="error")
        toolbox = self._toolbox(run, ())
        text = run.unreadable.get(call["id"] or "", json.dumps(call["args"]))

        async def run_it() -> Result:
            await run.others(MAX_CALLS_AT_ONCE)
            return await toolbox.run(call["name"], text, run.report, seconds=max(0.1, self._seconds_left(run)))

        tool = ToolboxCall(name=call["name"], call=call, run_it=run_it)
        message = await handler(request.override(tool=tool))
        if isinstance(message, ToolMessage):
            run.read += len(message.text.encode())
            run.results[call["id"] or ""] = (call["name"], message.text)
        return message

    def _toolbox(self, run: Run, of_the_agent: Iterable[Any]) -> Toolbox:
        if run.toolbox is None:
            theirs = [from_langchain(one) for one in of_the_agent if isinstance(one, BaseTool)]
            own = [*self._tools(run.chat), *theirs]
            run.toolbox = Toolbox(own, seconds=run.chat.settings.tool_seconds, offers=self._offers)
        return run.toolbox

    def _is_spent(self, run: Run) -> bool:
        return run.turns >= self._max_turns or run.read > self._max_output_bytes or self._seconds_left(run) <= 0

    def _seconds_left(self, run: Run) -> float:
        """The seconds that are left for tools before the last model call must start."""
        return run.chat.seconds_left - run.chat.settings.answer_seconds * self._last_words


def _run() -> Run:
    if (run := current()) is None:
        raise RuntimeError("CompetitorMiddleware works only inside stream(agent, chat)")
    return run


def _own_calls(said: AIMessage, run: Run) -> AIMessage:
    """Returns the message without the calls of the client's tools, because the client runs them.

    Other calls stay in the message. If the arguments of a call are unreadable, the call gets empty arguments.
    """
    run.unreadable = {call["id"] or "": call["args"] or "" for call in said.invalid_tool_calls}
    unreadable = [tool_call(name=call["name"] or "", args={}, id=call["id"]) for call in said.invalid_tool_calls]
    calls = [*said.tool_calls, *unreadable]
    ours = [call for call in calls if call["name"] not in run.client_tools]
    run.handed_back = len(ours) < len(calls)
    run.new_turn(ours)
    if ours and run.shown_text:
        run.report(Text("\n\n"))
    return said.model_copy(update={"tool_calls": ours, "invalid_tool_calls": []})


def _without_calls(said: AIMessage, run: Run) -> AIMessage:
    """The last message without its calls, because nobody will run them any more."""
    if not (said.text or any(call["name"] in run.client_tools for call in said.tool_calls)):
        run.report(Text(f"I could not finish within my budget. The last results:\n{run.told}"))
    return said.model_copy(update={"tool_calls": [], "invalid_tool_calls": []})
