"""Checks of section 1 of CONTRACT.md: the routes, and how a container starts."""
# Contract file: replaced by updates.

from contextlib import suppress

from ..registry import clause
from ..target import CHAT, Failed, Target, question, require
from .operations import switched_on


@clause(
    "E1",
    remedy="Serve POST /v1/chat/completions itself, without a redirect; JSON, or for `stream: true` SSE with the "
    "headers of section 4.",
)
def chat_route(target: Target) -> None:
    """POST /v1/chat/completions answers in JSON, or as a stream when asked."""
    for what, whole in (("", target.ask()), (" with stream: null", target.ask(stream=None))):
        require(whole.status == 200, f"POST {CHAT}{what} answered {whole.status}")
        kind = whole.headers.get("content-type", "")
        require("application/json" in kind, f"a whole answer{what} is not application/json")
    stream = target.stream()
    require(stream.status == 200, f"POST {CHAT} with stream: true answered {stream.status}")
    require("text/event-stream" in stream.headers.get("content-type", ""), "a stream is not text/event-stream")
    for name, value in (("cache-control", "no-cache"), ("x-accel-buffering", "no")):
        require(value in stream.headers.get(name, "").lower(), f"a stream comes without {name}: {value}")


@clause("E2", remedy='Answer GET /health with 200 and {"status": "ok", "version": ..., "uptime_seconds": ...}.')
def health(target: Target) -> None:
    """GET /health says ok, and what stands behind it; also after the upstream failed."""
    _healthy(target, "GET /health")
    if "fails" in target.prompts:
        with suppress(Failed):  # what becomes of the answer is for S13
            target.ask(target.prompt("fails"))
        _healthy(target, "after the upstream failed, GET /health")


def _healthy(target: Target, what: str) -> None:
    reply = target.get("/health")
    require(reply.status == 200, f"{what} answered {reply.status}")
    body = reply.json()
    require(isinstance(body, dict) and body.get("status") == "ok", f'{what} has no "status": "ok"')
    for name, kinds in _HEALTH_FIELDS.items():
        require(isinstance(body.get(name), kinds), f"{what} has no {name}, or one of another type")


_HEALTH_FIELDS = {
    "version": (str,),
    "uptime_seconds": (int, float),
    "contract_version": (str,),
    "backend": (str,),
    "model": (str,),
}


@clause("E3", severity="should", remedy="Answer GET /v1/models with OpenAI's list of models.")
def models(target: Target) -> None:
    """GET /v1/models is OpenAI's list."""
    reply = target.get("/v1/models")
    require(reply.status == 200, f"GET /v1/models answered {reply.status}")
    body = reply.json()
    require(isinstance(body, dict) and body.get("object") == "list", 'GET /v1/models has no "object": "list"')
    entries = body.get("data")
    require(isinstance(entries, list) and entries, "GET /v1/models lists nothing")
    for entry in entries:
        require(
            isinstance(entry.get("id"), str) and entry.get("object") == "model", "an entry of /v1/models is no model"
        )


@clause("E8", remedy="Take the port and everything else from environment variables (PORT, default 8080).")
def configured_by_environment(target: Target) -> None:
    """The port comes from the environment."""
    other = switched_on(target)
    require(other.url != target.url, "a second one did not take the port it was given")
    require(other.get("/health").status == 200, "started with a port of its own, it does not answer there")


@clause("E9", remedy="Start without any variable, and answer from an embedded model when no upstream can serve.")
def empty_environment(target: Target) -> None:
    """Started with no environment at all, it is healthy, answers, and says that it is offline."""
    bare = target.launched({})
    require(bare.get("/health").status == 200, "with an empty environment it is not healthy")
    reply = bare.post(question("hello"))
    require(reply.status == 200, f"with an empty environment it answers {reply.status}")
    text = reply.json()["choices"][0]["message"]["content"]
    require("offline" in text.lower(), "the answer does not say that no model stands behind it")
