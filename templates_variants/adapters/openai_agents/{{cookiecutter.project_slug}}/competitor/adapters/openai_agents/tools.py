"""The tools of one request: yours and the agents' own function tools, which a toolbox runs.
Contract file: replaced by updates.
"""

import json
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from agents import Agent, FunctionTool, Handoff
from agents.agent import AgentBase
from agents.tool_context import ToolContext

from ...api import Offers, Tool, Toolbox
from ..shared import called, self_checking
from .messages import UNKNOWN_TOOL
from .run import AgentsRun

_calling: ContextVar[ToolContext[Any]] = ContextVar("calling")


@dataclass
class ToolboxTool(FunctionTool):
    """A function tool of the SDK whose calls a toolbox runs."""

    toolbox: Toolbox | None = None


def prepared(agent: Agent[Any], run: AgentsRun, own: Iterable[Tool], offers: Offers) -> Agent[Any]:
    """A copy of the agent for one request: its function tools, and `own`, run in a toolbox.

    The agents of its handoffs are copied as well, each with the function tools that it has.
    """
    made: dict[int, Agent[Any]] = {}

    def copy(agent: Agent[Any], own: Iterable[Tool]) -> Agent[Any]:
        if id(agent) not in made:
            functions = [tool for tool in agent.tools if isinstance(tool, FunctionTool)]
            mine = [*own, *map(from_openai_agents, functions)]
            toolbox = Toolbox(mine, seconds=run.chat.settings.tool_seconds, offers=offers)
            tools = [_offered(tool, toolbox, run) for tool in toolbox.tools]
            unknown = ToolboxTool(UNKNOWN_TOOL, "", {}, _runs(toolbox, run), strict_json_schema=False, toolbox=toolbox)
            others = [tool for tool in agent.tools if not isinstance(tool, FunctionTool)]
            made[id(agent)] = agent.clone(tools=[*tools, unknown, *others])
            made[id(agent)].handoffs = [handed(each) for each in agent.handoffs]
        return made[id(agent)]

    def handed(target: Agent[Any] | Handoff[Any, Any]) -> Agent[Any] | Handoff[Any, Any]:
        if isinstance(target, Agent):
            return copy(target, ())
        invoke = target.on_invoke_handoff

        async def to_a_copy(context: Any, arguments: str) -> AgentBase[Any]:
            found = await invoke(context, arguments)
            return copy(found, ()) if isinstance(found, Agent) else found

        return replace(target, on_invoke_handoff=to_a_copy)

    return copy(agent, own)


def _offered(tool: Tool, toolbox: Toolbox, run: AgentsRun) -> ToolboxTool:
    shown = tool.schema["function"]
    parameters = shown.get("parameters") or {}
    invoke = _runs(toolbox, run)
    return ToolboxTool(tool.name, tool.description, parameters, invoke, strict_json_schema=False, toolbox=toolbox)


def _runs(toolbox: Toolbox, run: AgentsRun) -> Callable[[ToolContext[Any], str], Any]:
    async def invoke(context: ToolContext[Any], arguments: str) -> str:
        name = context.tool_name
        if name == UNKNOWN_TOOL:
            asked = json.loads(arguments)
            name, arguments = asked["name"], asked["arguments"]
        _calling.set(context)
        return (await run.call(toolbox, context.tool_call_id, name, arguments, run.budget)).text

    return invoke


def from_openai_agents(their: FunctionTool) -> Tool:
    """Makes a `Tool` from a function tool of the SDK, which checks its arguments itself.

    If the tool does not say what the model gets for a failure, the toolbox says it, and logs the failure.
    """
    if getattr(their, "_use_default_failure_error_function", False):
        their = replace(their, _failure_error_function=None, _use_default_failure_error_function=False)

    async def run(**arguments: Any) -> Any:
        context = replace(_calling.get(), tool_name=their.name, tool_arguments=json.dumps(arguments))
        return await their.on_invoke_tool(context, json.dumps(arguments))

    return self_checking(their.name, their.description, their.params_json_schema, run)


def to_openai_agents(own: Tool) -> FunctionTool:
    """Makes a function tool of the SDK from a `Tool`, for an agent of your own."""

    async def invoke(context: ToolContext[Any], arguments: str) -> Any:
        return await called(own, arguments)

    return FunctionTool(own.name, own.description, own.parameters, invoke, strict_json_schema=False)
