"""Cases of section 1 of CONTRACT.md: the routes, and what a container needs to start."""
# Contract file: replaced by updates.

from collections.abc import Iterator
from contextlib import suppress

from ..registry import case, clause
from ..responses import CHAT, Failed, NotShown, Reply, Stream, judged_by, member, require
from ..target import Target, announced, question
from .operations import with_debug_on

PLATFORM_URL = "https://api.chutes.ai/v1"  # no request is sent to it: without a key the offline model must answer

clause(
    "E1",
    "POST /v1/chat/completions answers in JSON, or as a stream when asked.",
    remedy="Serve POST /v1/chat/completions without a redirect: JSON, or text/event-stream when `stream` is true.",
)


def _whole(target: Target) -> Iterator[tuple[str, Reply]]:
    yield "a non-streamed answer", target.ask()
    yield "a non-streamed answer with stream: false", target.ask(stream=False)


@case("E1/1", _whole)
def chat_in_json(reply: Reply) -> None:
    """POST /v1/chat/completions answers 200 with application/json."""
    require(reply.status == 200, f"POST {CHAT} answered {reply.status}")
    kind = reply.headers.get("content-type", "")
    require("application/json" in kind, f"it has the content type {kind!r}")
    require(reply.message, "it has no message")


@case("E1/2", _whole)
def chat_has_a_text(reply: Reply) -> None:
    """A non-streamed answer to a plain question has a text."""
    judged_by("E1/1", reply.status == 200)
    content = reply.message.get("content")
    require(isinstance(content, str) and content, "it has no text")


def _streamed(target: Target) -> Iterator[tuple[str, Stream]]:
    yield "", target.stream()


@case("E1/3", _streamed)
def chat_as_a_stream(stream: Stream) -> None:
    """With `stream: true`, it answers 200 with text/event-stream."""
    require(stream.status == 200, f"POST {CHAT} with stream: true answered {stream.status}")
    kind = stream.headers.get("content-type", "")
    require("text/event-stream" in kind, "a stream does not have the content type text/event-stream")
    require(stream.deltas, "the stream is empty")


@case("E1/4", _streamed)
def stream_has_a_text(stream: Stream) -> None:
    """A streamed answer to a plain question has a text and ends with [DONE]."""
    judged_by("E1/3", stream.status == 200 and stream.deltas)
    require(stream.text, "the stream of a plain question has no content")
    require(stream.done and not stream.cut, "the stream of a plain question does not end with [DONE]")


@case("E1/5", _streamed, remedy="Send a stream with Cache-Control: no-cache and X-Accel-Buffering: no.")
def stream_headers(stream: Stream) -> None:
    """A stream has the headers Cache-Control: no-cache and X-Accel-Buffering: no."""
    judged_by("E1/3", stream.status == 200)
    for name, value in (("cache-control", "no-cache"), ("x-accel-buffering", "no")):
        require(value in stream.headers.get(name, "").lower(), f"a stream does not have the header {name}: {value}")


clause(
    "E2",
    "GET /health says ok and names the backend and the model, also after the upstream has failed.",
    remedy='Answer GET /health with 200, "status": "ok", version, uptime_seconds, contract_version, backend and model.',
)
_HEALTH_TEXTS = ("version", "contract_version", "backend", "model")
_HEALTH_FIELDS: dict[str, tuple[type, ...]] = {**dict.fromkeys(_HEALTH_TEXTS, (str,)), "uptime_seconds": (int, float)}


def _health(target: Target) -> Iterator[tuple[str, Reply]]:
    yield "", target.get("/health")


def _healthy(reply: Reply) -> None:
    require(reply.status == 200, f"GET /health answered {reply.status}")
    body = reply.json()
    require(isinstance(body, dict) and body.get("status") == "ok", 'GET /health has no "status": "ok"')


@case("E2/1", _health)
def health(reply: Reply) -> None:
    """GET /health answers 200 with `"status": "ok"`."""
    _healthy(reply)


@case("E2/2", _health)
def health_fields(reply: Reply) -> None:
    """GET /health has the version, the uptime, the contract's version, the backend and the model."""
    judged_by("E2/1", reply.status == 200 and reply.is_object)
    body = reply.json()
    for name, kinds in _HEALTH_FIELDS.items():
        value = body.get(name) if isinstance(body, dict) else None
        fits = isinstance(value, kinds) and not isinstance(value, bool)
        require(fits, f"GET /health has no {name}, or one of the wrong type")


def _health_after_failures(target: Target) -> Iterator[tuple[str, Reply]]:
    prompt = target.prompt("fails")
    with suppress(Failed):  # S13 judges the answer itself
        target.ask(prompt)
    yield "after the upstream failed", target.get("/health")


@case("E2/3", _health_after_failures, remedy="Say ok in GET /health whatever the upstream does.")
def health_after_failures(reply: Reply) -> None:
    """GET /health says ok after the upstream has failed."""
    _healthy(reply)


clause(
    "E3",
    "GET /v1/models answers with OpenAI's list of models.",
    severity="should",
    remedy="Answer GET /v1/models with OpenAI's list of models.",
)


def _models(target: Target) -> Iterator[tuple[str, Reply]]:
    yield "", target.get("/v1/models")


@case("E3/1", _models)
def models(reply: Reply) -> None:
    """GET /v1/models answers 200 with a list."""
    require(reply.status == 200, f"GET /v1/models answered {reply.status}")
    body = reply.json()
    require(isinstance(body, dict) and body.get("object") == "list", 'GET /v1/models has no "object": "list"')
    require(reply.get(list, "data"), "GET /v1/models has an empty list")


@case("E3/2", _models)
def model_entries(reply: Reply) -> None:
    """Every entry of GET /v1/models is a model object with an id."""
    judged_by("E3/1", reply.status == 200 and reply.is_object and isinstance(reply.json().get("data"), list))
    entries = reply.get(list, "data")
    for place in range(len(entries)):
        entry = member(entries, dict, place)
        is_model = isinstance(entry.get("id"), str) and entry.get("object") == "model"
        require(is_model, "an entry of GET /v1/models has no id or is not a model object")


clause(
    "E8",
    "The port is read from the environment.",
    remedy="Take the port and everything else from environment variables (PORT, default 8080).",
)


def _on_another_port(target: Target) -> Iterator[tuple[str, tuple[str, str, Reply]]]:
    other = with_debug_on(target)
    yield "", (target.url, other.url, other.get("/health"))


@case("E8/1", _on_another_port)
def configured_by_environment(started: tuple[str, str, Reply]) -> None:
    """A server that is started with another PORT answers on it."""
    url, other, reply = started
    require(other != url, "a second server does not use the port in PORT")
    require(reply.status == 200, "a server started with another PORT does not answer on it")


clause(
    "E9",
    "Started with an empty environment, the server is healthy and answers; the offline model says that it is offline.",
    remedy="Start without any variable, and answer from an embedded model when no upstream can serve.",
)


def _bare_health(target: Target) -> Iterator[tuple[str, Reply]]:
    yield "", target.launched({}).get("/health")


@case("E9/1", _bare_health)
def empty_environment(reply: Reply) -> None:
    """Started with an empty environment, the server is healthy."""
    require(reply.status == 200, "started with an empty environment, the server is not healthy")
    require("ok" in reply.text, "started with an empty environment, GET /health does not say ok")


def _bare_answer(target: Target) -> Iterator[tuple[str, Reply]]:
    yield "", target.launched({}).post(question("hello"))


@case("E9/2", _bare_answer)
def answers_in_an_empty_environment(reply: Reply) -> None:
    """Started with an empty environment, the server answers chat."""
    require(reply.status == 200, f"started with an empty environment, the server answers {reply.status}")
    require(reply.message.get("content"), "started with an empty environment, the server's answer has no text")


def _without_a_key(target: Target) -> Iterator[tuple[str, str]]:
    """The answer of a server whose upstream is the platform's, and which has no key: the offline model must serve it.

    Only a server that was seen to use the upstream that the variables name must follow them here too.
    """
    target.stand_in()
    reply = target.launched(announced(PLATFORM_URL, key="")).post(question("hello"))
    require(reply.status == 200, f"without a key for the platform's upstream, the server answers {reply.status}")
    yield "", str(reply.message.get("content"))


@case("E9/3", _without_a_key, remedy="Let the offline model say in its text that it is offline.")
def says_offline(text: str) -> None:
    """Without a key for the platform's upstream, the offline model answers, and says that it is offline."""
    require("offline" in text.lower(), "the answer does not say that the server is offline")


def _keyless(target: Target) -> Iterator[tuple[str, str]]:
    """The answer of a server whose upstream needs no key."""
    upstream = target.stand_in()
    server = target.launched(announced(f"{upstream.url}/v1", key=""))
    target.ask()
    asked = "Are you there without a key?"
    reply = server.post(question(asked))
    require(reply.status == 200, f"with an upstream but no key, the server answers {reply.status}")
    if not upstream.requests():
        raise NotShown("the server never asked its upstream")
    yield asked, "asked" if upstream.requests_with(asked) else ""


@case("E9/4", _keyless, remedy="Use a configured upstream without a key too, unless it is the platform's.")
def keyless_upstream(asked: str) -> None:
    """An upstream is used without a key, unless it is the platform's."""
    require(asked, "the configured upstream was not asked, since there is no key")
