"""The model: makes the request's model available to the Agents SDK.
Contract file: replaced by updates.

Calls use the core's client, so its rules apply: the egress list (X2), the user's own key, retries before the first
byte, back-pressure, usage.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from agents import Model, ModelProvider, ModelResponse, ModelSettings, RunConfig
from agents.agent_output import AgentOutputSchemaBase
from agents.handoffs import Handoff
from agents.items import TResponseStreamEvent
from agents.models.interface import ModelTracing
from agents.tool import Tool

from ...api import Chat, Completion
from .call import Call
from .messages import to_response
from .pieces import response_events
from .run import current_run
from .turn import turn


class JanusModel(Model):
    """A model of the SDK for one request: the one in `chat`, or the one that `stream` handles if `chat` is not given.

    The caller's options (temperature, limits, ...) apply unless the agent's `model_settings` replace them. With
    `shown`, its text is streamed to the client as it arrives, but only inside `stream`. `model` is a name of models.py;
    `models` are several, for `Chat.complete`. Raises `UpstreamError` as `chat.complete` does.
    """

    def __init__(
        self, chat: Chat | None = None, *, shown: bool = False, model: str | None = None, models: Sequence[str] = ()
    ):
        self._chat, self._shown, self._named, self._models = chat, shown, model, models

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[Any],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        **_: Any,
    ) -> ModelResponse:
        """Asks the model. With `shown`, its text goes straight to the client, and the SDK gets the whole of it."""
        call = Call(system_instructions, input, model_settings, tools, output_schema, handoffs)
        run = current_run() if self._shown and self._chat is None else None
        if run is not None:
            return await turn(call, run, self._named, self._names())
        completion = self._completion(call)
        async for _piece in completion:
            pass
        return to_response(completion, completion.tool_calls, {each.name for each in completion.tool_calls})

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[Any],
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        **_: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Asks the model for a `Runner.run_streamed` of yours. The client does not see it."""
        call = Call(system_instructions, input, model_settings, tools, output_schema, handoffs)
        async for event in response_events(self._completion(call)):
            yield event

    def _completion(self, call: Call) -> Completion:
        run = current_run() if self._chat is None else None
        chat = self._chat or (run.chat if run else None)
        if chat is None:
            raise RuntimeError("JanusModel has no request: use it inside stream(agent, chat), or pass it a chat")
        return call.completion(chat, run, model=self._named, models=self._names())

    def _names(self) -> Sequence[str]:
        """The models to ask: those given, or the run's where this one has no name."""
        run = current_run()
        return self._models or (run.models if run and not self._named and self._chat is None else ())


class JanusProvider(ModelProvider):
    """Finds the models of agents: a name is one of models.py; without one, it is the request's model."""

    def __init__(self, *, shown: bool = False):
        self._shown = shown

    def get_model(self, model_name: str | None) -> Model:
        return JanusModel(shown=self._shown, model=model_name)


QUIET = RunConfig(model_provider=JanusProvider(), tracing_disabled=True)
SHOWN = RunConfig(model_provider=JanusProvider(shown=True), tracing_disabled=True)
