"""The chat model: makes the request's model available as a LangChain chat model.
Contract file: replaced by updates.

Calls use the core's client, so its rules apply: the egress list (X2), the user's own key, retries before the
first byte, back-pressure, usage. Sync calls work only in threads, such as those in which LangChain runs plain
functions.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from ...api import Chat, Completion
from ..shared import current
from . import chunks, structured
from . import messages as wire
from .waiting import T, running_loop, waited


class ChatJanus(BaseChatModel):
    """A LangChain model for one request: the one in `chat`, or the one that `stream` handles if `chat` is not given.

    The caller's options (temperature, limits, ...) apply unless others are given here. The caller's tools do not apply:
    a call has only the tools from `bind_tools`. With `shown`, the text of `invoke` and `ainvoke` is streamed to the
    client as it arrives, but only inside `stream`; `hold_characters` is explained at `Chat.complete`. Raises
    `UpstreamError` as `chat.complete` does.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chat: Chat | None = Field(default=None, repr=False, exclude=True)
    shown: bool = False
    hold_characters: int = 0
    loop: asyncio.AbstractEventLoop | None = Field(default_factory=running_loop, repr=False, exclude=True)
    model: str | None = None  # if it is not given, the default model; only for display, the one of the request
    models: list[str] = Field(default_factory=list)  # several, for `Chat.complete`
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None

    _is_named: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _named(self) -> Self:
        self._is_named = self.model is not None
        if self.chat is not None:
            self.model = self.model or self.chat.request.model
        return self

    @property
    def _llm_type(self) -> str:
        return "janus"

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: Any = None, strict: bool | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds tools. `tool_choice` is one of OpenAI's values, or one of LangChain's: a tool's name, `any`."""
        offered = [convert_to_openai_tool(tool, strict=strict) for tool in tools]
        return self.bind(tools=offered, tool_choice=wire.tool_choice(tool_choice), **kwargs)

    def with_structured_output(
        self, schema: Any, *, method: str = "function_calling", include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Binds a schema. `method` is `function_calling`, `json_schema` or `json_mode`, as for `ChatOpenAI`."""
        if method == "function_calling":
            return super().with_structured_output(schema, include_raw=include_raw)
        return structured.output(self, schema, method, include_raw=include_raw, strict=kwargs.get("strict"))

    def _completion(self, messages: list[BaseMessage], stop: list[str] | None, given: dict[str, Any]) -> Completion:
        run = current() if self.chat is None else None
        chat = self.chat or (run.chat if run else None)
        if chat is None:
            raise RuntimeError("ChatJanus has no request: use it inside stream(agent, chat), or pass it a chat")
        own = {
            "model": self.model if self._is_named else None,
            "models": self.models or (run.models if run and not self._is_named else ()) or None,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        options: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
        options["hold_characters"] = self.hold_characters if self.shown else 0
        if stop := stop or self.stop:
            options["stop"] = stop
        return chat.complete(wire.to_openai(messages), **{"tools": None, "tool_choice": None, **options, **given})

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        completion = self._completion(messages, stop, kwargs)
        if self.shown and (run := current()) is not None:
            await run.show(completion)
        else:
            async for _ in completion:
                pass
        return ChatResult(generations=[ChatGeneration(message=wire.from_completion(completion))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[ChatGenerationChunk]:
        completion = self._completion(messages, stop, kwargs)
        as_chunk = chunks.block_chunk if self.output_version == "v1" else chunks.chunk
        async for piece in completion.pieces():
            yield ChatGenerationChunk(message=as_chunk(piece))
        yield ChatGenerationChunk(message=chunks.last_chunk(completion))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._wait(self._agenerate(messages, stop, None, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        found = self._astream(messages, stop, None, **kwargs)

        async def following() -> ChatGenerationChunk | None:
            return await anext(found, None)

        try:
            while (chunk := self._wait(following())) is not None:
                yield chunk
        finally:
            self._wait(found.aclose())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return waited(work, self.loop or getattr(current(), "loop", None))
