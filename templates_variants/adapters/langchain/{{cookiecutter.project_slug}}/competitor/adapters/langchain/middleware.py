"""The middleware that gives a LangChain agent your tools and the client's tools, and enforces the agent's budget.
Contract file: replaced by updates.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.messages.tool import tool_call
from langchain_core.tools import BaseTool
from langgraph.types import Command

from ...api import Chat, Offers, Reasoning, Result, Text, Tool, Toolbox
from ..shared import LAST_WORDS, MAX_OUTPUT_BYTES, MAX_TURNS, Budget, current
from .run import LangChainRun
from .tools import ToolboxCall, from_langchain


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
        self._tools, self._offers = tools, offers
        self._budget = Budget(max_turns, max_output_bytes, last_words)

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
        if last := run.is_spent(self._budget):
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
        toolbox, call_id, name = self._toolbox(run, ()), call["id"] or "", call["name"]
        text = run.unreadable.get(call_id, json.dumps(call["args"]))

        async def run_it() -> Result:
            return await run.call(toolbox, call_id, name, text, self._budget)

        tool = ToolboxCall(name=name, call=call, run_it=run_it)
        message = await handler(request.override(tool=tool))
        if isinstance(message, ToolMessage):
            run.note(call_id, name, message.text)
        return message

    def _toolbox(self, run: LangChainRun, of_the_agent: Iterable[Any]) -> Toolbox:
        if run.toolbox is None:
            theirs = [from_langchain(one) for one in of_the_agent if isinstance(one, BaseTool)]
            own = [*self._tools(run.chat), *theirs]
            run.toolbox = Toolbox(own, seconds=run.chat.settings.tool_seconds, offers=self._offers)
        return run.toolbox


def _run() -> LangChainRun:
    if (run := current()) is None:
        raise RuntimeError("CompetitorMiddleware works only inside stream(agent, chat)")
    return cast(LangChainRun, run)


def _own_calls(said: AIMessage, run: LangChainRun) -> AIMessage:
    """Returns the message without the calls of the client's tools, because the client runs them.

    Other calls stay in the message. If the arguments of a call are unreadable, the call gets empty arguments.
    """
    run.unreadable = {call["id"] or "": call["args"] or "" for call in said.invalid_tool_calls}
    unreadable = [tool_call(name=call["name"] or "", args={}, id=call["id"]) for call in said.invalid_tool_calls]
    calls = [*said.tool_calls, *unreadable]
    ours = [call for call in calls if call["name"] not in run.client_tools]
    run.handed_back = len(ours) < len(calls)
    run.new_turn({call["id"] or "": call["name"] for call in ours})
    if ours and run.shown_text:
        run.report(Text("\n\n"))
    return said.model_copy(update={"tool_calls": ours, "invalid_tool_calls": []})


def _without_calls(said: AIMessage, run: LangChainRun) -> AIMessage:
    """The last message without its calls, because nobody will run them any more."""
    if not (said.text or any(call["name"] in run.client_tools for call in said.tool_calls)):
        run.report(Text(f"I could not finish within my budget. The last results:\n{run.told}"))
    return said.model_copy(update={"tool_calls": [], "invalid_tool_calls": []})
