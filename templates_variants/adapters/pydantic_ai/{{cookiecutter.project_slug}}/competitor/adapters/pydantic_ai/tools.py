"""The tools of one request: the client's, yours and the agent's own, offered by a toolbox, which runs them.
Contract file: replaced by updates.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_ai.tools import RunContext, ToolDefinition
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset

from ...api import Chat, Offers, Tool, Toolbox
from ..shared import Budget
from .conversion import calling, from_toolset
from .messages import UNKNOWN_TOOL
from .run import PydanticRun, current_run


class _Unreadable(dict[str, Any]):
    """Arguments that are not a JSON object: an empty object that has their text."""

    text = ""


class _AsWritten:
    """Accepts any arguments, because the toolbox checks them."""

    def validate_json(self, input: str | bytes | bytearray, **_: Any) -> dict[str, Any]:
        text = input if isinstance(input, str) else input.decode()
        try:
            value = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        unreadable = _Unreadable()
        unreadable.text = text
        return unreadable

    def validate_python(self, input: Any, **_: Any) -> Any:
        return input


@dataclass
class OfferedTools(WrapperToolset[Any]):
    """The agent's own tools, those of `tools(chat)` and the client's, as `offers` says (see `Toolbox`)."""

    tools: Callable[[Chat], Iterable[Tool]]
    offers: Offers
    budget: Budget

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """The tools of this step. A tool of the client replaces one of the agent with the same name."""
        run = current_run()
        if run.step != ctx.run_step:
            run.step = ctx.run_step
            theirs = await self.wrapped.get_tools(ctx)
            run.offered = {name: tool for name, tool in theirs.items() if tool.tool_def.kind != "function"}
            run.offered |= self._offered(run, {name: tool for name, tool in theirs.items() if name not in run.offered})
        return run.offered

    def _offered(self, run: PydanticRun, theirs: dict[str, ToolsetTool[Any]]) -> dict[str, ToolsetTool[Any]]:
        if run.toolbox is None:
            own = [*self.tools(run.chat), *(from_toolset(self.wrapped, each) for each in theirs.values())]
            run.toolbox = Toolbox(own, seconds=run.chat.settings.tool_seconds, offers=self.offers)
        offer = run.toolbox.offer(run.chat)
        run.choice = offer.get("tool_choice")
        client_tools = run.client_tools
        whole = {tool.name: tool.parameters for tool in run.toolbox.tools}  # what is offered is shorter
        found: dict[str, ToolsetTool[Any]] = {}
        for schema in offer.get("tools", ()):
            name = schema["function"]["name"]
            parameters = schema["function"].get("parameters") if name in client_tools else whole[name]
            found[name] = self._tool(name, "external" if name in client_tools else "function", schema, parameters)
        return found | {UNKNOWN_TOOL: self._tool(UNKNOWN_TOOL, "function", {"function": {}}, None)}

    def _tool(
        self, name: str, kind: Literal["function", "external"], schema: dict[str, Any], parameters: Any
    ) -> ToolsetTool[Any]:
        definition = ToolDefinition(
            name=name,
            description=schema["function"].get("description"),
            parameters_json_schema=parameters or {"type": "object", "properties": {}},
            kind=kind,
            metadata={"openai": schema},
        )
        return ToolsetTool(toolset=self, tool_def=definition, max_retries=0, args_validator=_AsWritten())

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Lets the toolbox run the call, even for an unknown tool: the result then lists the tools that exist."""
        run = current_run()
        if tool.toolset is not self or run.toolbox is None:
            return await self.wrapped.call_tool(name, tool_args, ctx, tool)
        text = tool_args.text if isinstance(tool_args, _Unreadable) else json.dumps(tool_args)
        if name == UNKNOWN_TOOL:
            name, text = str(tool_args.get("name")), str(tool_args.get("arguments"))
        calling.set(ctx)
        result = await run.call(run.toolbox, ctx.tool_call_id or "", name, text, self.budget)
        return result.text
