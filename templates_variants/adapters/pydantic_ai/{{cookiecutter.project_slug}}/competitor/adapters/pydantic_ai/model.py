"""The model: makes the request's model available as a PydanticAI model.
Contract file: replaced by updates.

Calls use the core's client, so its rules apply: the egress list (X2), the user's own key, retries before the first
byte, back-pressure, usage.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext

from ...api import Chat, Completion
from ..shared import current
from . import messages as wire
from . import options
from .kept import Body, Kept
from .responses import Streamed, response
from .run import PydanticRun

_PROFILE = ModelProfile(
    supports_json_schema_output=True, supports_json_object_output=True, supports_inline_system_prompts=True
)


class JanusModel(Model[None]):
    """A PydanticAI model for one request: the one in `chat`, or the one that `stream` handles if `chat` is not given.

    The caller's options (temperature, limits, ...) apply unless `settings` or the agent's model settings replace them.
    With `shown`, its text is streamed to the client as it arrives, but only inside `stream`; `hold_characters` is
    explained at `Chat.complete`. `model` is a name of models.py; `models` are several, for `Chat.complete`. Raises
    `UpstreamError` as `chat.complete` does.
    """

    def __init__(
        self,
        chat: Chat | None = None,
        *,
        shown: bool = False,
        hold_characters: int = 0,
        model: str | None = None,
        models: Sequence[str] = (),
        settings: ModelSettings | None = None,
    ):
        super().__init__(settings=settings, profile=_PROFILE)
        self._chat, self._shown, self._hold_characters = chat, shown, hold_characters
        self._named, self._models = model, models

    @property
    def model_name(self) -> str:
        return self._named or "janus"

    @property
    def system(self) -> str:
        return "janus"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Asks the model. With `shown`, its text goes straight to the client, and PydanticAI gets the whole of it."""
        completion, kept, known = self._completion(messages, model_settings, model_request_parameters)
        if self._shown and (run := current()) is not None:
            await run.show(completion)
        else:
            async for _ in completion:
                pass
        return response(completion, kept, known, shown=self._shown)

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Asks the model for an agent that looks at each piece, for example with an `event_stream_handler`."""
        completion, kept, known = self._completion(messages, model_settings, model_request_parameters)
        run = current() if self._shown else None
        shown_by = run if isinstance(run, PydanticRun) else None
        streamed = Streamed(model_request_parameters, completion, kept, known, shown_by)
        try:
            yield streamed
        finally:
            await streamed.close_stream()

    def _completion(
        self, messages: list[ModelMessage], settings: ModelSettings | None, parameters: ModelRequestParameters
    ) -> tuple[Completion, Kept, set[str] | None]:
        """The call, what keeps the wire form of its messages, and the names of the known tools if unknown ones are."""
        settings, parameters = self.prepare_request(settings, parameters)
        run = current() if self._chat is None else None
        chat = self._chat or (run.chat if run else None)
        if chat is None:
            raise RuntimeError("JanusModel has no request: use it inside stream(agent, chat), or pass it a chat")
        kept = run.kept if isinstance(run, PydanticRun) else Kept()
        offered = [*parameters.function_tools, *parameters.output_tools]
        names = {tool.name for tool in offered}
        body: Body = {"tools": None, "tool_choice": None, **options.output(parameters)}
        if tools := [options.tool(tool) for tool in offered if tool.name != wire.UNKNOWN_TOOL]:
            body["tools"] = tools
        models = self._models or (run.models if run and not self._named else ())
        body |= options.settings(settings) | ({"models": models} if models else {"model": self._named})
        instructions = "\n\n".join(part.content for part in self._get_instruction_parts(messages, parameters) or ())
        completion = chat.complete(
            wire.to_openai(messages, instructions, kept),
            hold_characters=self._hold_characters if self._shown else 0,
            **body,
        )
        return completion, kept, names if wire.UNKNOWN_TOOL in names else None
