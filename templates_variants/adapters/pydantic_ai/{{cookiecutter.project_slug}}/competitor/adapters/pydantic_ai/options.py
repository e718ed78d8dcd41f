"""Converts PydanticAI's model settings, tools and output types to OpenAI's options."""
# Contract file: replaced by updates.

from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from .kept import Body

_OPTIONS = (
    "max_tokens", "temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "logit_bias",
    "parallel_tool_calls",
)  # fmt: skip


def settings(given_settings: ModelSettings | None) -> Body:
    """PydanticAI's model settings as OpenAI's options."""
    given: Body = dict(given_settings or {})
    found = {name: given[name] for name in _OPTIONS if given.get(name) is not None}
    if stop := given.get("stop_sequences"):
        found["stop"] = stop
    if isinstance(choice := given.get("tool_choice"), str):
        found["tool_choice"] = choice
    return found | (given.get("extra_body") or {})


def tool(tool: ToolDefinition) -> Body:
    """A tool in OpenAI's wire format, which those of the toolbox and of the client bring along."""
    if tool.metadata and "openai" in tool.metadata:
        return dict(tool.metadata["openai"])
    function: Body = {"name": tool.name, "parameters": tool.parameters_json_schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def output(parameters: ModelRequestParameters) -> Body:
    """The options for a structured output: by a tool call, or by a schema of the answer."""
    shape = parameters.output_object
    if parameters.output_tools and not parameters.allow_text_output:
        return {"tool_choice": "required"}
    if parameters.output_mode == "prompted":
        return {"response_format": {"type": "json_object"}}
    if parameters.output_mode != "native" or shape is None:
        return {}
    schema: Body = {"name": shape.name or "answer", "schema": shape.json_schema}
    if shape.description:
        schema["description"] = shape.description
    if shape.strict is not None:
        schema["strict"] = shape.strict
    return {"response_format": {"type": "json_schema", "json_schema": schema}}
