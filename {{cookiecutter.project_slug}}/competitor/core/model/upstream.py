"""Chooses the servers of a model call, in their order, and the keys to send (E9, R8, X2)."""
# Contract file: replaced by updates.

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from pydantic import SecretStr

from ..errors import UpstreamError
from ..identity import identity
from ..limits import MAX_MODEL_LIST_BYTES
from ..models import Model
from ..offline import OfflineServer
from ..outbound.client import HttpClient
from ..outbound.egress import is_platform, is_this_machine, other_inference_url, parse
from ..settings import Settings
from .prompt import Body
from .refusals import Refusals

log = logging.getLogger("competitor.llm")

_LIMITS = ("max_tokens", "max_completion_tokens")
OFFLINE_MODEL = "offline-model"
_LIST_SECONDS = 5.0
# A server that could not be reached is asked last for this long, since each failed connection may take seconds.
_AVOIDED_SECONDS = 30.0
_MAX_WARNINGS = 100


@dataclass(frozen=True, slots=True)
class Upstream:
    """An OpenAI-compatible server for one request. If `model` is None, the request's own model name is passed on.

    `name` is the name that the backend has given, if any; `declared` is what backend/models.py says about it.
    """

    base_url: str
    model: str | None
    key: SecretStr | None
    name: str = ""
    declared: Model | None = None

    def elsewhere(self) -> "Upstream | None":
        """The same model at the platform's other inference host (X2); None for other servers."""
        url = other_inference_url(self.base_url)
        return None if url is None else replace(self, base_url=url)


def choose(settings: Settings, token: SecretStr | None, name: str | None = None) -> Upstream | None:
    """The server of the model that a backend has named, or of the default model; None if only the offline model can.

    `name` is a short name of backend/models.py, or else a name that the default server knows. The result is None if no
    base URL is configured, or if the server is the platform's and there is neither a configured key nor the user's
    `token`. (The token is sent only to the platform's hosts and to `JANUS_TOKEN_HOSTS`.) Other servers, such as Ollama
    or vLLM, may work without a key.
    """
    if not name and settings.llm_base_url is None:  # then the first declared model with a server is the default
        name = next((other for other, model in settings.models.items() if model.base_url), None)
    model = settings.models.get(name) if name else None
    url = (model and model.base_url) or settings.llm_base_url
    if url is None:
        return None
    key = usable_token(settings, url, token) or (model and model.key) or settings.key_for(url)
    if key is None and is_platform(url):
        return None
    if model is None or name is None:
        return Upstream(url, name or settings.llm_model, key, name or "")
    return Upstream(url, model.id, key, name, model.declared)


class Llm:
    """Knows the models and their servers; there is one for the whole process."""

    def __init__(self, settings: Settings, client: HttpClient, offline: OfflineServer):
        self.settings, self.client, self._offline = settings, client, offline
        self.refusals = Refusals()
        self._unreachable: dict[str, float] = {}  # base URL -> until when it is asked last
        self._warned: set[str] = set()
        self._own_name, self._first = identity().name, ""
        self._seeing = [name for name, model in settings.models.items() if model.declared.sees]

    async def upstreams(self, names: Sequence[str], body: Body, token: SecretStr | None) -> list[Upstream]:
        """The servers for one call, in the order in which they are asked: those of the models that a backend named.

        Without names, it is the server of the default model. If none of them can be asked, it is the offline model,
        which is started when first needed.
        """
        if len(names) > 1:
            names = able(self.settings, names, body)
        elif self._seeing and not names and any(_has_image(message) for message in body["messages"]):
            names = self._seeing
        found: list[Upstream] = []
        for name in names or ("",):
            if name and self.settings.models and name not in self.settings.models:
                self._warn_once(
                    name, "backend/models.py does not declare a model; only a default server can be asked for it"
                )
            if (upstream := choose(self.settings, token, name)) is not None:
                found.append(upstream)
            elif len(names) > 1:
                self._warn_once(name, "a model of a list has no server or no key; it is left out")
        if not found:
            base_url = await self._offline.start()
            self.client.egress.allow(base_url)
            return [Upstream(base_url, OFFLINE_MODEL, None)]
        if found[0].model is None and body["model"] == self._own_name:
            found = [replace(found[0], model=await self._first_listed())]
        return self._reachable_first(found) if self._unreachable else found

    def note_failure(self, upstream: Upstream, error: UpstreamError) -> None:
        """Remembers a server that could not be reached."""
        if error.kind == "unreachable":
            self._unreachable[upstream.base_url] = time.monotonic() + _AVOIDED_SECONDS

    def _reachable_first(self, found: list[Upstream]) -> list[Upstream]:
        now = time.monotonic()
        self._unreachable = avoided = {url: until for url, until in self._unreachable.items() if until > now}
        either = [(one, one.elsewhere()) for one in found]
        best = [
            other if other is not None and one.base_url in avoided and other.base_url not in avoided else one
            for one, other in either
        ]
        return sorted(best, key=lambda one: one.base_url in avoided)

    def _warn_once(self, name: str, what: str) -> None:
        if name not in self._warned and len(self._warned) < _MAX_WARNINGS:
            self._warned.add(name)
            meant = [other for other in get_close_matches(name, self.settings.models, 1) if other != name]
            log.warning(what, extra={"model": name[:100], "meant": meant[0] if meant else None})

    async def _first_listed(self) -> str | None:
        """The model for requests that name this competitor, if there is no default model (E3)."""
        self._first = self._first or next(iter(await self.models()), "")
        return self._first or None

    async def models(self) -> list[str]:
        """The names of models that a request may have (E3); without a default model, those that the server lists."""
        upstream = choose(self.settings, None)
        if upstream is None or upstream.model is not None:
            return [upstream.model if upstream and upstream.model else OFFLINE_MODEL]
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                response = await self.client.open("GET", f"{upstream.base_url}/models", authorization(upstream))
                try:
                    listed = json.loads(await response.read(MAX_MODEL_LIST_BYTES))
                finally:
                    response.close()
            return [model["id"] for model in listed["data"] if isinstance(model["id"], str)]
        except (UpstreamError, TimeoutError, ValueError, LookupError, TypeError) as error:
            log.warning("the model's server does not list its models", extra={"why": type(error).__name__})
            return []


def able(settings: Settings, names: Sequence[str], body: Body) -> list[str]:
    """The models that can do what a call needs, in their order: see its images, call its tools. All, if none can."""
    known = {name: model.declared for name, model in settings.models.items()}
    left = list(names)
    if body.get("tools"):
        left = [name for name in left if name not in known or known[name].calls_tools is not False] or left
    if any(_has_image(message) for message in body["messages"]):
        left = [name for name in left if name in known and known[name].sees] or left
    return left


def _has_image(message: Body) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(part.get("type") == "image_url" for part in content)


def usable_token(settings: Settings, url: str, token: SecretStr | None) -> SecretStr | None:
    """The user's token if this server may get it (R8), otherwise None.

    Only the platform's servers and those in `JANUS_TOKEN_HOSTS` may get it, by `https` or on this machine (X2).
    """
    if not token or not token.get_secret_value():
        return None
    origin = parse(url)[0]
    allowed = is_platform(url) or origin.host in settings.token_hosts
    return token if allowed and (origin.scheme == "https" or is_this_machine(origin.host)) else None


def limited(body: Body, base_url: str, settings: Settings) -> Body:
    """The body, with the token limit in the field that this server reads.

    Some servers know only one of the fields `max_tokens` and `max_completion_tokens`. With `auto`, the field changes
    only for OpenAI, whose reasoning models refuse `max_tokens`.
    """
    name = settings.llm_limit_name
    if name == "auto":
        host = parse(base_url)[0].host
        if host != "api.openai.com" and not host.endswith(".openai.azure.com"):
            return body
        name = "max_completion_tokens"
    found = body.get("max_completion_tokens", body.get("max_tokens"))
    if found is None:
        return body
    return {key: value for key, value in body.items() if key not in _LIMITS} | {name: found}


def authorization(upstream: Upstream) -> dict[str, str]:
    """The header with the server's key; empty without a key."""
    return {"authorization": f"Bearer {upstream.key.get_secret_value()}"} if upstream.key else {}


def described(settings: Settings) -> dict[str, Any]:
    """The model that answers, its server, and the declared models, for `/health` and the log (E2)."""
    declared = {}
    for name, model in settings.models.items():
        url = model.base_url or settings.llm_base_url
        declared[name] = f"{model.id} at {parse(url)[0].host_header}" if url else f"{model.id}: it has no server"
    return {**_default(settings), **({"models": declared} if declared else {})}


def _default(settings: Settings) -> dict[str, str]:
    upstream = choose(settings, None)
    if upstream is not None:
        host = parse(upstream.base_url)[0].host_header
        return {"model": upstream.model or "as requested", "upstream": host}
    if settings.llm_base_url is None:
        return {"model": OFFLINE_MODEL, "upstream": "none: no base URL is configured"}
    host = parse(settings.llm_base_url)[0].host_header
    return {"model": OFFLINE_MODEL, "upstream": f"{host}, only for requests with a token: no key is configured"}
