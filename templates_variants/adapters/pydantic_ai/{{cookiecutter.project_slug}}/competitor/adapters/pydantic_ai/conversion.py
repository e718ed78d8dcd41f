"""Tools of PydanticAI as ours, and ours as PydanticAI's."""
# Contract file: replaced by updates.

import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from pydantic import ValidationError
from pydantic_ai import Tool as TheirTool
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.messages import ToolReturn
from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool

from ...api import Tool, ToolError
from ..shared import called, self_checking

calling: ContextVar[RunContext[Any]] = ContextVar("calling")  # of the call that a toolbox runs now


def from_pydantic_ai(their: TheirTool[Any]) -> Tool:
    """Makes a `Tool` from a PydanticAI tool. Its function gets the agent's `RunContext` if it takes one."""
    schema = their.function_schema

    async def run(**arguments: Any) -> Any:
        checked = schema.validator.validate_python(arguments)
        return await schema.call(checked, calling.get())

    return self_checking(their.name, their.description or "", schema.json_schema, _in_words(run))


def to_pydantic_ai(own: Tool) -> TheirTool[Any]:
    """Makes a PydanticAI tool from a `Tool`, for an agent of your own."""

    async def run(**arguments: Any) -> Any:
        return await called(own, json.dumps(arguments))

    return TheirTool.from_schema(run, own.name, own.description, own.parameters)


def from_toolset(toolset: AbstractToolset[Any], their: ToolsetTool[Any]) -> Tool:
    async def run(**arguments: Any) -> Any:
        checked = their.args_validator.validate_python(arguments)
        return await toolset.call_tool(their.tool_def.name, checked, calling.get(), their)

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
