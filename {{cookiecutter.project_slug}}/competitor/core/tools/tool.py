"""Tools: typed async functions with a docstring. The types become the JSON schema of the arguments."""
# Contract file: replaced by updates.

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

from ..artifacts.descriptor import Artifact
from .kinds import KINDS

Schema = dict[str, Any]


class ToolError(Exception):
    """A tool cannot do what it was asked. Its message tells the model what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a call: `text` for the model, `details` for the `tool_end` event, `artifacts` for the user."""

    text: str
    status: Literal["ok", "error"] = "ok"
    details: dict[str, Any] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()
    sandbox_seconds: float | None = None  # as the sandbox itself has measured it


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `sandbox` is the name of the sandbox it runs in, or empty.

    `kind` is a key of `kinds.KINDS`, or empty. It says beside which tools of a client, and for which texts, the tool is
    offered.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    function: Callable[..., Awaitable[Any]]
    sandbox: str = ""
    kind: str = ""

    @property
    def parameters(self) -> Schema:
        """The JSON schema of the arguments."""
        return _schema(self.arguments)

    @property
    def schema(self) -> Schema:
        """The tool in OpenAI's wire format, without what the toolbox checks anyway, since every word costs tokens."""
        function = {"name": self.name, "description": self.description, "parameters": _short(self.parameters)}
        return {"type": "function", "function": function}


def tool(function: Callable[..., Awaitable[Any]], *, sandbox: str = "", kind: str = "") -> Tool:
    """Makes a tool from the name, the docstring and the parameter types of an async function or method.

    `Annotated[str, Field(description=...)]` tells the model what a parameter means. The function returns
    a text, a `Result`, or anything that JSON can hold. `sandbox` and `kind`: see `Tool`. Raises `TypeError` for any
    other kind of function.
    """
    if kind and kind not in KINDS:
        raise TypeError(f"{function.__name__}: there is no kind {kind!r}; the kinds are {', '.join(KINDS)}")
    name, about = function.__name__, inspect.getdoc(function)
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} must be an `async def`; move blocking work to asyncio.to_thread")
    if not about:
        raise TypeError(f"{name} needs a docstring: it tells the model what the tool is for")
    arguments = _model(getattr(function, "__func__", function), inspect.ismethod(function))
    return Tool(name, about, arguments, function, sandbox, kind)


@lru_cache(maxsize=256)
def _model(function: Callable[..., Any], bound: bool) -> type[BaseModel]:
    """The pydantic model of a function's parameters. Cached, since making one takes a quarter of a millisecond."""
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[int(bound) :]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__name__}: {parameter} cannot be passed by name, so a model cannot give it")
        if parameter.name not in hints:
            raise TypeError(f"{function.__name__}: the parameter {parameter.name} needs a type")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    made: type[BaseModel] = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    return made


# Words of a JSON schema that limit a value. A model seldom exceeds them, and the toolbox explains it if one does.
_LIMITS = {
    "additionalProperties", "default", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum",
    "minItems", "minLength", "minimum", "pattern",
}  # fmt: skip


def _short(schema: Schema) -> Schema:
    """The schema without limits, and without `required` if there are one or two properties and all are required."""
    short = {name: value for name, value in schema.items() if name not in _LIMITS}
    properties = short.get("properties")
    if isinstance(properties, dict):
        short["properties"] = {name: _unlimited(value) for name, value in properties.items()}
        if len(properties) <= 2 and sorted(short.get("required", ())) == sorted(properties):
            short.pop("required", None)
    return short


def _unlimited(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    items = {"items": _unlimited(schema["items"])} if "items" in schema else {}
    return {name: value for name, value in schema.items() if name not in _LIMITS} | items


@lru_cache(maxsize=256)
def _schema(model: type[BaseModel]) -> Schema:
    """The JSON schema without pydantic's titles, since every word costs tokens in every request."""
    schema: Schema = _untitled({"properties": {}, **model.model_json_schema()})
    return schema


def _untitled(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_untitled(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _untitled(one) for name, one in schema.items() if name != "title" or not isinstance(one, str)}
