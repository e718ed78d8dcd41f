"""Converts completions to PydanticAI's responses, whole or piece by piece."""
# Contract file: replaced by updates.

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic_ai.messages import ModelResponse, ModelResponsePart, ModelResponseStreamEvent, TextPart, ThinkingPart
from pydantic_ai.models import StreamedResponse
from pydantic_ai.usage import RequestUsage

from ...api import Completion, Reasoning, Text
from .kept import Kept
from .messages import call_part
from .run import PydanticRun

_FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_call", "content_filter": "content_filter"}


def response(completion: Completion, kept: Kept, known: set[str] | None, *, shown: bool) -> ModelResponse:
    """Converts a finished completion to a response.

    PydanticAI asks again if a response is empty. One that was `shown` to the client has a blank in this case.
    """
    calls = [*completion.tool_calls, *completion.client_calls]
    parts: list[ModelResponsePart] = [ThinkingPart(completion.reasoning)] if completion.reasoning else []
    text = completion.text or (" " if shown and not calls else "")
    parts += [TextPart(text)] if text or not calls else []
    parts += [call_part(call.id, call.name, call.arguments, known) for call in calls]
    return ModelResponse(
        parts=kept.keep(parts, completion.message),
        usage=_usage(completion),
        model_name=completion.model,
        finish_reason=_FINISH.get(completion.finish_reason or ""),  # type: ignore[arg-type]
    )


def _usage(completion: Completion) -> RequestUsage:
    if (usage := completion.usage) is None:
        return RequestUsage()
    return RequestUsage(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)


@dataclass
class Streamed(StreamedResponse):
    """A completion, piece by piece. With a `run`, each piece is passed on to the client as well."""

    completion: Completion
    kept: Kept
    known: set[str] | None
    run: PydanticRun | None
    _began: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self._pieces = self.completion.pieces()

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        manager = self._parts_manager
        async for piece in self._pieces:
            if isinstance(piece, Text):
                self._pass_on(piece)
                for event in manager.handle_text_delta(vendor_part_id="text", content=piece.text):
                    yield event
            elif isinstance(piece, Reasoning):
                self._pass_on(piece)
                for event in manager.handle_thinking_delta(vendor_part_id="reasoning", content=piece.text):
                    yield event
        whole = response(self.completion, self.kept, self.known, shown=self.run is not None)
        for number, part in enumerate(whole.parts):
            if not isinstance(part, TextPart | ThinkingPart):
                yield manager.handle_part(vendor_part_id=f"call {number}", part=part)
        self._usage, self.finish_reason = whole.usage, whole.finish_reason
        if self.run is not None:
            self.run.shown_text = self.completion.text

    def _pass_on(self, piece: Text | Reasoning) -> None:
        if self.run is not None:
            self.run.has_shown = True
            self.run.report(piece)

    async def close_stream(self) -> None:
        """Ends the call of the model."""
        await self._pieces.aclose()

    @property
    def model_name(self) -> str:
        return self.completion.model

    @property
    def provider_name(self) -> str | None:
        return None

    @property
    def provider_url(self) -> str | None:
        return None

    @property
    def timestamp(self) -> datetime:
        return self._began
