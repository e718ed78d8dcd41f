"""Tools that check their own arguments, such as those of a framework or of an MCP server."""
# Contract file: replaced by updates.

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel

from ...api import Tool


def self_checking(name: str, description: str, schema: dict[str, Any], run: Callable[..., Awaitable[Any]]) -> Tool:
    """Makes a `Tool` that the model sees with this JSON schema, and that passes any arguments on to `run`."""
    config = ConfigDict(json_schema_extra=schema)
    namespace = {"model_config": config, "__module__": __name__}
    shape: type[BaseModel] = type(name, (RootModel[dict[str, Any]],), namespace)
    return Tool(name, description, shape, lambda root: run(**root))
