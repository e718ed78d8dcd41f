"""Runs LangChain's tools in the core's toolbox, and reports the toolbox's calls to LangChain's callbacks.
Contract file: replaced by updates.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.tools import Tool as SimpleTool
from pydantic import BaseModel, ConfigDict

from ...api import Result, Tool
from ..shared import called, self_checking

# Threads for blocking tools. If one hung in the loop's own threads, host names could not be resolved any more.
_THREADS = ThreadPoolExecutor(64, thread_name_prefix="tool")


class ToolboxCall(BaseTool):
    """Wraps one tool call as a LangChain tool, so that LangChain's callbacks see it. `run_it` runs the call."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    description: str = "A tool of the toolbox."
    args_schema: dict[str, Any] = {"type": "object", "properties": {}}  # noqa: RUF012 - never changed
    call: ToolCall
    run_it: Callable[[], Awaitable[Result]]

    def _run(self, /, **_: Any) -> ToolMessage:
        raise NotImplementedError("the toolbox is async")

    async def _arun(self, /, **_: Any) -> ToolMessage:
        result = await self.run_it()
        status = "success" if result.status == "ok" else "error"
        return ToolMessage(result.text, tool_call_id=self.call["id"], name=self.name, status=status)


def from_langchain(their: BaseTool) -> Tool:
    """Makes a `Tool` from a LangChain tool, which then runs without LangChain's injected state and stores."""

    async def run(**arguments: Any) -> Any:
        if _is_async(their):
            return await their.ainvoke(arguments)
        return await asyncio.get_running_loop().run_in_executor(_THREADS, their.invoke, arguments)

    schema = their.tool_call_schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return Tool(their.name, their.description, schema, run)
    described = schema if isinstance(schema, dict) else schema.schema()
    return self_checking(their.name, their.description, described, run)


def to_langchain(own: Tool) -> BaseTool:
    """Makes a LangChain tool from a `Tool`, for an agent of your own."""

    async def run(**arguments: Any) -> Any:
        return await called(own, json.dumps(arguments))

    return StructuredTool(name=own.name, description=own.description, args_schema=own.parameters, coroutine=run)


def _is_async(their: BaseTool) -> bool:
    if isinstance(their, StructuredTool | SimpleTool):
        return their.coroutine is not None
    return type(their)._arun is not BaseTool._arun
