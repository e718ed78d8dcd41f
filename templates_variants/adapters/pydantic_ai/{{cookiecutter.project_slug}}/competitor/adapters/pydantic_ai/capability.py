"""The capability that gives a PydanticAI agent your tools and the client's tools, and enforces the agent's budget.
Contract file: replaced by updates.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from pydantic_ai import DeferredToolRequests
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.capabilities.abstract import WrapModelRequestHandler
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import AbstractToolset

from ...api import Chat, Offers, Reasoning, Text, Tool
from ..shared import LAST_WORDS, MAX_OUTPUT_BYTES, MAX_TURNS, Budget
from .messages import called_name
from .run import PydanticRun, current_run
from .tools import OfferedTools


class CompetitorTools(AbstractCapability[Any]):
    """Put this last into an agent's `capabilities`, so that other capabilities wrap it.

    In each turn, the model is offered the client's tools, those of `tools(chat)`, and those of the agent, as `offers`
    says (see `Toolbox`). The toolbox runs a turn's calls at the same time. Calls of the client's tools end the run with
    PydanticAI's `DeferredToolRequests`, which must be in the agent's `output_type` (S10). One last model call without
    tools ends the answer in three cases: after `max_turns` model calls, if the results exceed `max_output_bytes`, or if
    only the fraction `last_words` of the answer's time (S15) is left.
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
        self._tools, self._offers = tools, offers
        self._budget = Budget(max_turns, max_output_bytes, last_words)

    def for_agent(self, agent: AbstractAgent[Any, Any]) -> AbstractCapability[Any]:
        """Checks the agent's output type. Raises `ValueError` if calls of the client's tools could not end the run."""
        outputs = agent.output_type if isinstance(agent.output_type, list | tuple) else [agent.output_type]
        if DeferredToolRequests not in outputs:
            raise ValueError("Add DeferredToolRequests to the agent's output_type: the client runs its tools itself")
        return self

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        return OfferedTools(toolset, self._tools, self._offers, self._budget)

    async def wrap_model_request(
        self, ctx: RunContext[Any], *, request_context: ModelRequestContext, handler: WrapModelRequestHandler
    ) -> ModelResponse:
        """Runs one turn: asks the model with the tools of this request, and notes which calls the toolbox will run."""
        run, parameters = current_run(), request_context.model_request_parameters
        run.note_results(request_context.messages[-1])
        choice = run.choice
        if last := run.is_spent(self._budget):
            run.report(Reasoning("The budget for tools is spent; I answer with what I have.\n"))
            choice = "none"
            if parameters.output_tools:  # the model answers by calling one of these
                parameters, choice = replace(parameters, function_tools=[]), None
        run.turns += 1
        settings: Any = dict(request_context.model_settings or {})
        if choice is not None and len(parameters.function_tools) > 1:  # there is always the unknown tool
            settings["extra_body"] = {**(settings.get("extra_body") or {}), "tool_choice": choice}
        asked = replace(request_context, model_settings=settings, model_request_parameters=parameters)
        said = await handler(asked)
        own = {tool.name for tool in request_context.model_request_parameters.function_tools if tool.kind == "function"}
        calls = [part for part in said.parts if isinstance(part, ToolCallPart) and part.tool_name in own]
        if last:
            return _without(calls, said, run)
        run.new_turn({part.tool_call_id: called_name(part) for part in calls})
        if calls and run.shown_text:
            run.report(Text("\n\n"))
        return said


def _without(calls: list[ToolCallPart], said: ModelResponse, run: PydanticRun) -> ModelResponse:
    """The last response without its calls, because nobody will run them any more."""
    rest = [part for part in said.parts if part not in calls]
    if not (said.text or "").strip() and not any(isinstance(part, ToolCallPart) for part in rest):
        told = f"I could not finish within my budget. The last results:\n{run.told}"
        run.report(Text(told))
        rest.append(TextPart(told))
    return replace(said, parts=rest)
