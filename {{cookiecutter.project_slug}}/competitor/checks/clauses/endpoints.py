"""Checks of section 1 of CONTRACT.md: the routes, and what a container needs to start."""
# Contract file: replaced by updates.

from contextlib import suppress

from ..registry import clause
from ..target import CHAT, Failed, Target, question, require
from .operations import with_debug_on


@clause(
    "E1",
    remedy="Serve POST /v1/chat/completions without a redirect: JSON, or SSE with the headers of section 4 "
    "when `stream` is true.",
)
def chat_route(target: Target) -> None:
    """POST /v1/chat/completions answers in JSON, or as a stream when asked."""
    for what, whole in (("", target.ask()), (" with stream: null", target.ask(stream=None))):
        require(whole.status == 200, f"POST {CHAT}{what} answered {whole.status}")
        kind = whole.headers.get("content-type", "")
        require("application/json" in kind, f"a non-streamed answer{what} has the content type {kind!r}")
    stream = target.stream()
    require(stream.status == 200, f"POST {CHAT} with stream: true answered {stream.status}")
    kind = stream.headers.get("content-type", "")
    require("text/event-stream" in kind, "a stream does not have the content type text/event-stream")
    for name, value in (("cache-control", "no-cache"), ("x-accel-buffering", "no")):
        require(value in stream.headers.get(name, "").lower(), f"a stream does not have the header {name}: {value}")


@clause("E2", remedy='Answer GET /health with 200 and {"status": "ok", "version": ..., "uptime_seconds": ...}.')
def health(target: Target) -> None:
    """GET /health says ok and names the backend and the model, also after the upstream has failed."""
    _healthy(target, "GET /health")
    if "fails" in target.prompts:
        with suppress(Failed):  # S13 checks the answer itself
            target.ask(target.prompt("fails"))
        _healthy(target, "after the upstream failed, GET /health")


def _healthy(target: Target, what: str) -> None:
    reply = target.get("/health")
    require(reply.status == 200, f"{what} answered {reply.status}")
    body = reply.json()
    require(isinstance(body, dict) and body.get("status") == "ok", f'{what} has no "status": "ok"')
    for name, kinds in _HEALTH_FIELDS.items():
        require(isinstance(body.get(name), kinds), f"{what} has no {name}, or one of the wrong type")


_HEALTH_TEXTS = ("version", "contract_version", "backend", "model")
_HEALTH_FIELDS: dict[str, tuple[type, ...]] = {**dict.fromkeys(_HEALTH_TEXTS, (str,)), "uptime_seconds": (int, float)}


@clause("E3", severity="should", remedy="Answer GET /v1/models with OpenAI's list of models.")
def models(target: Target) -> None:
    """GET /v1/models answers with OpenAI's list of models."""
    reply = target.get("/v1/models")
    require(reply.status == 200, f"GET /v1/models answered {reply.status}")
    body = reply.json()
    require(isinstance(body, dict) and body.get("object") == "list", 'GET /v1/models has no "object": "list"')
    entries = body.get("data")
    require(isinstance(entries, list) and entries, "GET /v1/models has an empty list")
    for entry in entries:
        is_model = isinstance(entry.get("id"), str) and entry.get("object") == "model"
        require(is_model, "an entry of GET /v1/models has no id or is not a model object")


@clause("E8", remedy="Take the port and everything else from environment variables (PORT, default 8080).")
def configured_by_environment(target: Target) -> None:
    """The port is read from the environment."""
    other = with_debug_on(target)
    require(other.url != target.url, "a second server does not use the port in PORT")
    require(other.get("/health").status == 200, "a server started with another PORT does not answer on it")


@clause("E9", remedy="Start without any variable, and answer from an embedded model when no upstream can serve.")
def empty_environment(target: Target) -> None:
    """Started with an empty environment, the server is healthy, answers, and says that it is offline."""
    bare = target.launched({})
    require(bare.get("/health").status == 200, "started with an empty environment, the server is not healthy")
    reply = bare.post(question("hello"))
    require(reply.status == 200, f"started with an empty environment, the server answers {reply.status}")
    text = reply.json()["choices"][0]["message"]["content"]
    require("offline" in text.lower(), "the answer does not say that the server is offline")
