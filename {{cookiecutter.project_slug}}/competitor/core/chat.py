"""The chat: the object with which a backend answers one request."""
# Contract file: replaced by updates.

import logging
import time
from collections.abc import Callable, MutableMapping
from functools import cached_property, partial
from typing import Any

from .artifacts.received import File, received_files
from .artifacts.save import Artifacts
from .model import prompt
from .model.completion import Completion, Llm
from .model.held_text import HeldText
from .observe.observer import Observer
from .outbound.client import HttpClient
from .request.schema import ChatRequest
from .settings import Settings
from .usage import Usage


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Adds the request's id to every log line."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, {**kwargs, "extra": {**(self.extra or {}), **kwargs.get("extra", {})}}


class Chat:
    """One request, and the means to answer it. `artifacts` saves files; `log` adds the request's id to every line."""

    def __init__(
        self,
        id: str,
        request: ChatRequest,
        llm: Llm,
        settings: Settings,
        account: Callable[[Usage], None],
        artifacts: Artifacts,
        observer: Observer | None = None,
    ):
        self.id, self.request, self.settings, self.artifacts = id, request, settings, artifacts
        self._llm, self._account, self._observer = llm, account, observer or Observer()
        self._until = time.monotonic() + settings.answer_seconds
        self._asked: Completion | None = None

    @cached_property
    def log(self) -> _Log:
        return _Log(logging.getLogger("competitor.backend"), {"request_id": self.id})

    @property
    def text(self) -> str:
        """The text of the last user message."""
        return self.request.text

    @cached_property
    def files(self) -> list[File]:
        """The files of the last user message, decoded. Files that are only linked by a URL are left out."""
        return received_files(self.request, self.settings.max_body_bytes)

    @property
    def model(self) -> str:
        """The model of the last call of `complete`; before the first call, the model that the request names."""
        return self._asked.model if self._asked else self.request.model

    @property
    def seconds_left(self) -> float:
        """Seconds until this answer's time limit (S15)."""
        return self._until - time.monotonic()

    @property
    def http(self) -> HttpClient:
        """The HTTP client for calling other services. It connects to configured hosts only (X2)."""
        return self._llm.client

    def offer(self, own: list[dict[str, Any]]) -> dict[str, Any]:
        """Returns the options for `complete` that offer the client's tools and the tools in `own` (S10, R7).

        A tool in `own` is left out if a tool of the client has the same name. If the request has a `tool_choice` (a
        name, `required` or `none`), the choice concerns only the client's tools, so no tool in `own` is offered.
        """
        theirs = prompt.tools(self.request)
        if theirs.get("tool_choice", "auto") != "auto":
            return theirs
        names = {tool["function"]["name"] for tool in theirs.get("tools", ())}
        added = [tool for tool in own if tool["function"]["name"] not in names]
        return {**theirs, "tools": [*theirs.get("tools", ()), *added]} if added else theirs

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation in OpenAI's wire format: a fresh copy, which you may change."""
        return prompt.messages(self.request)

    def complete(
        self, messages: list[dict[str, Any]] | None = None, *, hold_characters: int = 0, **options: Any
    ) -> Completion:
        """Prepares one call of the model with the caller's request; what you pass replaces parts of it.

        `messages` and `options` (`tools`, `temperature`, `max_tokens`, ...) are in OpenAI's wire format and
        replace the caller's; an option that is None is left out. A `model` that is given here also replaces the
        default model (E9). Yield the result to pass its answer on, or iterate
        over it. Calls of the client's tools go to the client; all other calls are in `tool_calls`.

        If the call offers tools that are not the client's, the first `hold_characters` characters of its text are
        held: they become reasoning if such a tool is called next, because they are not a part of the answer.
        """
        body: prompt.Body = {
            **prompt.options(self.request),
            **prompt.tools(self.request),
            "model": self.request.model,
            "messages": self.messages if messages is None else messages,
            **options,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        body = {name: value for name, value in body.items() if value is not None}
        hold = None
        if hold_characters:
            theirs = {tool.function.name for tool in self.request.offered_tools}
            if any(tool["function"]["name"] not in theirs for tool in body.get("tools", ())):
                hold = partial(HeldText, characters=hold_characters, client_tools=theirs)
        self._asked = Completion(
            self._llm,
            body,
            self.request,
            self.artifacts.save,
            self._account,
            self._observer,
            hold,
            options.get("model"),
        )
        return self._asked
