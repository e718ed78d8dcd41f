"""The tools of one request: the client's, yours and the agent's own, offered by a toolbox, which runs them.
Contract file: replaced by updates.
"""

import json
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_ai import Tool as TheirTool
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.messages import ToolReturn
from pydantic_ai.tools import RunContext, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from ...api import Chat, Offers, Tool, Toolbox, ToolError
from ..shared import Budget, self_checking
from .messages import UNKNOWN_TOOL
from .run import PydanticRun, current_run

_calling: ContextVar[RunContext[Any]] = ContextVar("calling")


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
            own = [*self.tools(run.chat), *(_from_toolset(self.wrapped, each) for each in theirs.values())]
            run.toolbox = Toolbox(own, seconds=run.chat.settings.tool_seconds, offers=self.offers)
        offer = run.toolbox.offer(run.chat)
        run.choice = offer.get("tool_choice")
        client_tools = run.client_tools
        found: dict[str, ToolsetTool[Any]] = {}
        for schema in offer.get("tools", ()):
            name = schema["function"]["name"]
            found[name] = self._tool(name, "external" if name in client_tools else "function", schema)
        return found | {UNKNOWN_TOOL: self._tool(UNKNOWN_TOOL, "function", {"function": {}})}

    def _tool(self, name: str, kind: Literal["function", "external"], schema: dict[str, Any]) -> ToolsetTool[Any]:
        function = schema["function"]
        definition = ToolDefinition(
            name=name,
            description=function.get("description"),
            parameters_json_schema=function.get("parameters") or {"type": "object", "properties": {}},
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
        _calling.set(ctx)
        result = await run.call(run.toolbox, ctx.tool_call_id or "", name, text, self.budget)
        return result.text


def from_pydantic_ai(their: TheirTool[Any]) -> Tool:
    """Makes a `Tool` from a PydanticAI tool. Its function gets the agent's `RunContext` if it takes one."""
    schema = their.function_schema

    async def run(**arguments: Any) -> Any:
        checked = schema.validator.validate_python(arguments)
        return await schema.call(checked, _calling.get())

    return self_checking(their.name, their.description or "", schema.json_schema, _in_words(run))


def _from_toolset(toolset: AbstractToolset[Any], their: ToolsetTool[Any]) -> Tool:
    async def run(**arguments: Any) -> Any:
        checked = their.args_validator.validate_python(arguments)
        return await toolset.call_tool(their.tool_def.name, checked, _calling.get(), their)

    shown = their.tool_def
    return self_checking(shown.name, shown.description or "", shown.parameters_json_schema, _in_words(run))


def _in_words(run: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with PydanticAI's results and its ways to ask the model again as the toolbox knows them."""

    async def running(**arguments: Any) -> Any:
        try:
            result = await run(**arguments)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:5])
            raise ToolError(f"Bad arguments: {problems}") from None
        except ModelRetry as error:
            raise ToolError(error.message) from None
        return result.return_value if isinstance(result, ToolReturn) else result

    return running
