"""Tools between the core's toolbox, which runs them all, and LangChain."""

from typing import Any

from langchain_core.messages import ToolCall, ToolMessage
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, RootModel

from ..core.toolbox import Report, Tool, Toolbox


class ToolboxCall(BaseTool):
    """One call as a tool of LangChain's, so that its callbacks see it. The toolbox checks the arguments and runs it.

    `text` is what the model wrote as arguments, valid JSON or not.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    description: str = "A tool of the toolbox."
    args_schema: dict[str, Any] = {"type": "object", "properties": {}}  # noqa: RUF012 - never changed
    call: ToolCall
    text: str
    toolbox: Toolbox
    report: Report
    seconds: float

    def _run(self, /, **_: Any) -> ToolMessage:
        raise NotImplementedError("the toolbox is async")

    async def _arun(self, /, **_: Any) -> ToolMessage:
        result = await self.toolbox.run(self.name, self.text, self.report, seconds=self.seconds)
        status = "success" if result.status == "ok" else "error"
        return ToolMessage(result.text, tool_call_id=self.call["id"], name=self.name, status=status)


def from_langchain(their: BaseTool) -> Tool:
    """A tool of LangChain's for the toolbox. Blocking ones run in a thread. Injected state and stores are not there."""

    async def run(**arguments: Any) -> Any:
        return await their.ainvoke(arguments)

    schema = their.tool_call_schema
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return Tool(their.name, their.description, schema, run)
    described = schema if isinstance(schema, dict) else schema.schema()
    return Tool(their.name, their.description, _free_form(their.name, described), lambda root: run(**root))


def _free_form(name: str, schema: dict[str, Any]) -> type[BaseModel]:
    """Arguments that the tool itself will check, such as those of an MCP server."""
    config = ConfigDict(json_schema_extra=schema)
    return type(name, (RootModel[dict[str, Any]],), {"model_config": config, "__module__": __name__})
