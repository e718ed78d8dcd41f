"""Tools between a framework and the toolbox: theirs as ours, and ours as theirs."""
# Contract file: replaced by updates.

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel

from ...api import Tool, Toolbox
from .run import current

TOOL_SECONDS = 60.0  # the limit outside a run


def self_checking(name: str, description: str, schema: dict[str, Any], run: Callable[..., Awaitable[Any]]) -> Tool:
    """Makes a `Tool` that the model sees with this JSON schema, and that passes any arguments on to `run`."""
    config = ConfigDict(json_schema_extra=schema)
    namespace = {"model_config": config, "__module__": __name__}
    shape: type[BaseModel] = type(name, (RootModel[dict[str, Any]],), namespace)
    return Tool(name, description, shape, lambda root: run(**root))


async def called(own: Tool, arguments: str) -> str:
    """Runs one of our tools for a framework, in a toolbox of its own: the client sees its events in a run."""
    run = current()
    report = run.report if run else lambda event: None
    seconds = run.chat.settings.tool_seconds if run else TOOL_SECONDS
    return (await Toolbox([own], seconds=seconds).run(own.name, arguments, report)).text
