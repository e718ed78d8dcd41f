"""What an agent asks a model for, as one call of the core."""
# Contract file: replaced by updates.

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from agents import ModelSettings
from agents.agent_output import AgentOutputSchemaBase
from agents.handoffs import Handoff
from agents.models.chatcmpl_converter import Converter
from agents.tool import FunctionTool, Tool
from openai import Omit

from ...api import Chat, Completion
from .messages import to_openai
from .run import AgentsRun, Body
from .tools import ToolboxTool

_SETTINGS = (
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "parallel_tool_calls", "max_tokens",
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One call of a model: the agent's instructions, the conversation so far, and all that may be called."""

    instructions: str | None
    given: str | list[Any]
    settings: ModelSettings
    tools: list[Tool]
    schema: AgentOutputSchemaBase | None
    handoffs: list[Handoff]

    @property
    def known(self) -> set[str]:
        """The names of the tools and handoffs that the SDK can run."""
        return {tool.name for tool in self.tools} | {handoff.tool_name for handoff in self.handoffs}

    def completion(
        self,
        chat: Chat,
        run: AgentsRun | None,
        *,
        model: str | None = None,
        models: Sequence[str] = (),
        offer: Body | None = None,
        hold_characters: int = 0,
    ) -> Completion:
        """The core's call. `offer` has the client's tools and those of a toolbox; without it, all tools are offered."""
        given = offer or {}
        others = [tool for tool in self.tools if offer is None or not isinstance(tool, ToolboxTool)]
        offered = [*given.get("tools", ()), *map(_tool, others), *map(Converter.convert_handoff_tool, self.handoffs)]
        body: Body = {name: value for name in _SETTINGS if (value := getattr(self.settings, name)) is not None}
        body |= {"tools": offered or None, "tool_choice": given.get("tool_choice") or _choice(self.settings)}
        shape = Converter.convert_response_format(self.schema)
        if not isinstance(shape, Omit):
            body["response_format"] = shape
        body |= {"models": models} if models else {"model": model}
        body |= cast(Body, self.settings.extra_body or {})
        messages = to_openai(self.instructions, self.given, run)
        return chat.complete(messages, hold_characters=hold_characters, **body)


def _tool(tool: Tool) -> Body:
    if isinstance(tool, FunctionTool) and not tool.strict_json_schema:
        function = {"name": tool.name, "description": tool.description, "parameters": tool.params_json_schema}
        return {"type": "function", "function": function}
    return dict(Converter.tool_to_openai(tool))


def _choice(settings: ModelSettings) -> Any:
    choice = settings.tool_choice
    if choice is None or choice in ("auto", "required", "none"):
        return choice
    return {"type": "function", "function": {"name": choice}}
