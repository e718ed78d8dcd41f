"""The chat: the object with which a backend answers one request."""
# Contract file: replaced by updates.

import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, MutableMapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar, overload

from pydantic import BaseModel
from pydantic_core import to_json

from .artifacts.received import File, received_files
from .artifacts.save import Artifacts
from .asking import ask
from .limits import MAX_REPLY_BYTES
from .model import prompt
from .model.completion import Completion
from .model.held import HeldText
from .model.upstream import Llm
from .observe.observer import Observer
from .outbound.client import HttpClient
from .request.schema import ChatRequest
from .services import Reply, Request, call, events, with_query
from .settings import Settings
from .usage import Usage

Shape = TypeVar("Shape", bound=BaseModel)


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Adds the request's id to every log line."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, {**kwargs, "extra": {**(self.extra or {}), **kwargs.get("extra", {})}}


class Chat:
    """One request, and the means to answer it.

    `artifacts` saves files; `log` adds the request's id to every line; `own` is what `setup()` has returned.
    """

    def __init__(
        self,
        id: str,
        request: ChatRequest,
        llm: Llm,
        settings: Settings,
        account: Callable[[Usage], None],
        artifacts: Artifacts,
        observer: Observer | None = None,
        doing: Callable[[str], None] = lambda what: None,
    ):
        self.id, self.request, self.settings, self.artifacts = id, request, settings, artifacts
        self._llm, self._account, self._observer, self._doing = llm, account, observer or Observer(), doing
        self.own: Any = None  # what the backend's `setup()` has returned
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
    def asked(self) -> bool:
        """Whether a model was asked."""
        return self._asked is not None

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
        self,
        messages: list[dict[str, Any]] | None = None,
        *,
        model: str | None = None,
        models: Sequence[str] = (),
        hold_characters: int = 0,
        **options: Any,
    ) -> Completion:
        """Prepares one call of a model with the caller's request; what you pass replaces parts of it.

        `messages` and `options` (`tools`, `temperature`, `max_tokens`, ...) are in OpenAI's wire format and
        replace the caller's; an option that is None is left out. Yield the result to pass its answer on, or iterate
        over it. Calls of the client's tools go to the client; all other calls are in `tool_calls`.

        `model` is a short name of backend/models.py, or a name that the default server knows; it replaces the default
        model (E9). `models` are several of them: the next one is asked if one fails before the first piece of its
        answer, or has said nothing for `JANUS_LLM_FALLBACK_SECONDS`.

        If the call offers tools that are not the client's, the first `hold_characters` characters of its text are
        held: they become reasoning if such a tool is called next, because they are not a part of the answer.
        """
        body: prompt.Body = {
            **prompt.options(self.request),
            **prompt.tools(self.request),
            "messages": self.messages if messages is None else messages,
            **options,
        }
        hold = None
        if hold_characters:
            theirs = {tool.function.name for tool in self.request.offered_tools}
            if any(tool["function"]["name"] not in theirs for tool in body.get("tools") or ()):
                hold = partial(HeldText, characters=hold_characters, client_tools=theirs)
        return self._completion(body, _names(model, models) if model or models else (), hold)

    @overload
    async def ask(
        self,
        prompt: str | list[dict[str, Any]],
        *,
        schema: None = None,
        model: str | None = None,
        models: Sequence[str] = (),
        **options: Any,
    ) -> str: ...

    @overload
    async def ask(
        self,
        prompt: str | list[dict[str, Any]],
        *,
        schema: type[Shape],
        model: str | None = None,
        models: Sequence[str] = (),
        **options: Any,
    ) -> Shape: ...

    async def ask(
        self,
        prompt: str | list[dict[str, Any]],
        *,
        schema: type[Shape] | None = None,
        model: str | None = None,
        models: Sequence[str] = (),
        **options: Any,
    ) -> str | Shape:
        """Asks a model and returns its text, or with `schema` an object of that pydantic class.

        The client does not see the answer, but its tokens count (U3), and progress notes say what is going on (S4).
        `prompt` is a text, or messages in OpenAI's wire format. `model` and `models` are those of `complete`. Nothing
        of the caller's request is sent. Several calls run at once with `asyncio.gather`.

        Raises `UpstreamError` if the model's server failed; of the kind `wrong_shape` if the model's JSON does not fit
        the schema, and does not after one repair either.
        """
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        names = _names(model, models)
        self._doing(f"Asking {names[0]}" if names else "Asking the model")

        def call(messages: list[dict[str, Any]], more: dict[str, Any]) -> Completion:
            return self._completion({**more, **options, "messages": messages}, names)

        try:
            return await ask(call, messages, schema)
        finally:
            self._doing("Working on it")

    async def get(
        self,
        url: str,
        query: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> Reply:
        """Gets a URL of a service whose base URL is a setting. A failure that may pass is tried again, up to twice.

        `seconds` is the time limit of all attempts together (default: `JANUS_TOOL_SECONDS`). Raises `ServiceError`, for
        example for a status from 300 on, or for more than `max_bytes`. Redirects are not followed (X1).
        """
        return await self._call("GET", with_query(url, query), headers, b"", seconds, max_bytes)

    async def post(
        self,
        url: str,
        json: Any = None,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        max_bytes: int = MAX_REPLY_BYTES,
    ) -> Reply:
        """Posts `json`, or the bytes in `content`, once: nothing is tried again. The rest is as for `get`."""
        kind = {} if json is None else {"content-type": "application/json"}
        body = content if json is None else to_json(json)
        return await self._call("POST", url, {**kind, **(headers or {})}, body, seconds, max_bytes)

    def events(
        self, url: str, json: Any, *, headers: Mapping[str, str] | None = None, seconds: float | None = None
    ) -> AsyncGenerator[Any]:
        """Posts `json` once, and yields the JSON of each server-sent event of the response, as it arrives.

        `seconds` is the time limit of the whole stream (default: `JANUS_TOOL_SECONDS`). Raises `ServiceError`.
        """
        kind = {"content-type": "application/json", "accept": "text/event-stream"}
        request = self._request("POST", url, {**kind, **(headers or {})}, to_json(json), seconds, MAX_REPLY_BYTES)
        return events(self.http, self.settings, request)

    async def _call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes,
        seconds: float | None,
        max_bytes: int,
    ) -> Reply:
        request = self._request(method, url, headers, body, seconds, max_bytes)
        return await call(self.http, self.settings, request, self._doing)

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes,
        seconds: float | None,
        max_bytes: int,
    ) -> Request:
        sent = {"accept-encoding": "identity", "x-request-id": self.id}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        limit = self.settings.tool_seconds if seconds is None else seconds
        return Request(method, url, sent, body, max_bytes, limit)

    def _completion(
        self, body: prompt.Body, names: Sequence[str], hold: Callable[..., HeldText] | None = None
    ) -> Completion:
        """A call with this body. The caller's name of the model is sent if nothing else says which one to ask."""
        own = {"model": self.request.model, "stream": True, "stream_options": {"include_usage": True}}
        body = {name: value for name, value in {**body, **own}.items() if value is not None}
        self._asked = Completion(
            self._llm,
            body,
            self.request,
            self.artifacts.save_image,
            self._account,
            self._observer,
            hold,
            names,
            self.id,
        )
        return self._asked


def _names(model: str | None, models: Sequence[str]) -> Sequence[str]:
    """The names of the models to ask, in their order. Raises `ValueError` or `TypeError` for a mistake."""
    if isinstance(models, str):
        raise TypeError(f'`models` is a list of names: write models=["{models}"]')
    if model is not None and models:
        raise ValueError("give `model` or `models`, not both")
    return tuple(dict.fromkeys(models)) if model is None else (model,)
