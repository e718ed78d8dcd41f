"""Chooses the model's server for a request, and the key to send (E9, R8)."""
# Contract file: replaced by updates.

from dataclasses import dataclass

from pydantic import SecretStr

from ..outbound.egress import is_platform, is_this_machine, parse
from ..settings import Settings
from .prompt import Body

_LIMITS = ("max_tokens", "max_completion_tokens")
OFFLINE_MODEL = "offline-model"


@dataclass(frozen=True, slots=True)
class Upstream:
    """An OpenAI-compatible server for one request. If `model` is None, the request's own model name is passed on."""

    base_url: str
    model: str | None
    key: SecretStr | None


def choose(settings: Settings, token: SecretStr | None) -> Upstream | None:
    """The configured server; None if only the offline model can answer.

    It is None if no base URL is configured, or if the server is the platform's and there is neither a configured
    key nor the user's `token`. (The token is sent only to the platform's hosts and to `JANUS_TOKEN_HOSTS`.)
    Other servers, such as Ollama or vLLM, may work without a key.
    """
    url = settings.llm_base_url
    if url is None:
        return None
    key = usable_token(settings, url, token) or settings.key_for(url)
    if key is None and is_platform(url):
        return None
    return Upstream(url, settings.llm_model, key)


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


def described(settings: Settings) -> dict[str, str]:
    """The model that answers, and its server, for `/health` and the log (E2)."""
    url = settings.llm_base_url
    if url is None:
        return {"model": OFFLINE_MODEL, "upstream": "none: no base URL is configured"}
    host = parse(url)[0].host_header
    if choose(settings, None) is None:
        return {"model": OFFLINE_MODEL, "upstream": f"{host}, only for requests with a token: no key is configured"}
    return {"model": settings.llm_model or "as requested", "upstream": host}
