"""Cases of section 8 of CONTRACT.md: the hosts that a competitor connects to."""
# Contract file: replaced by updates.

from collections.abc import Iterator
from dataclasses import dataclass

from ..registry import Source, case, clause
from ..responses import Json, NotShown, Reply, require
from ..sources.upstream import marked
from ..target import Target, question

UNREACHABLE = "http://127.0.0.1:9"

clause(
    "X1",
    "The competitor does not follow an upstream's redirect, and does not use a proxy from the environment.",
    remedy="Connect only to the listed and configured hosts; do not follow redirects; ignore proxy variables.",
)


@dataclass(frozen=True)
class _Asked:
    """The reply to a request, and the paths at the upstream that were asked for it."""

    reply: Reply
    paths: list[str]


def _redirected(target: Target) -> Iterator[tuple[str, _Asked]]:
    upstream = target.stand_in()
    prompt, mark = marked(target.prompt("redirects"))
    reply = target.post(question(prompt))
    paths = [str(request["path"]) for request in upstream.requests_with(mark)]
    if paths:
        yield "", _Asked(reply, paths)


@case("X1/1", _redirected, remedy="Do not follow redirects of an upstream.")
def no_redirects(asked: _Asked) -> None:
    """An upstream's redirect is not followed."""
    require("/elsewhere" not in asked.paths, "the upstream's redirect was followed")
    require(asked.reply.status == 200, f"when the upstream redirects, the caller gets {asked.reply.status}")


def _proxied(target: Target) -> Iterator[tuple[str, list[str]]]:
    upstream = target.stand_in()
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), UNREACHABLE)
    prompt, mark = marked("past the proxy")
    target.launched(proxies | target.upstream_variables).post(question(prompt))
    yield "", [str(request["path"]) for request in upstream.requests_with(mark)]


@case("X1/2", _proxied, remedy="Ignore proxy variables of the environment.")
def no_proxy(paths: list[str]) -> None:
    """A proxy in the environment is not used."""
    require(paths, "with a proxy in the environment, the request did not reach the upstream")


def _asking_service(name: str, variable: str, path: str) -> Source:
    """A source: the requests that a service of the platform gets for a named prompt."""

    def source(target: Target) -> Iterator[tuple[str, Json]]:
        upstream, prompt = target.stand_in(), target.prompt(name)
        server = target.launched({variable: upstream.url, **target.upstream_variables})
        before = len(upstream.requests())
        server.post(question(prompt))
        found = [request for request in upstream.requests()[before:] if request["path"] == path]
        require(found, f"the service in {variable} got no request")
        for request in found:
            yield "", dict(request["body"])

    return source


def _check_fields(body: Json, fields: dict[str, type | tuple[type, ...]]) -> None:
    for name, kind in fields.items():
        require(isinstance(body.get(name), kind), f"the service got {name} = {str(body.get(name))[:40]!r}")


@case("X1/3", _asking_service("image", "JANUS_IMAGE_URL", "/generate"), exclusive=True)
def image_service(body: Json) -> None:
    """An image is asked for as `POST /generate` at JANUS_IMAGE_URL."""
    _check_fields(body, {"model": str, "prompt": str, "width": int, "height": int, "num_inference_steps": int})


@case("X1/4", _asking_service("speech", "JANUS_SPEECH_URL", "/speak"), exclusive=True)
def speech_service(body: Json) -> None:
    """Speech is asked for as `POST /speak` at JANUS_SPEECH_URL."""
    _check_fields(body, {"text": str, "voice": str, "speed": (int, float)})


clause(
    "X2",
    "The upstream's base URL can be set with either of two environment variables.",
    remedy="Take every base URL from an environment variable.",
)


_OURS, _OPENAIS = "JANUS_LLM_BASE_URL", "OPENAI_BASE_URL"


def _configured(target: Target, name: str) -> tuple[Reply, bool]:
    """An answer of a server for which only this variable names the stand-in, and whether the stand-in was asked."""
    upstream = target.stand_in()
    other = target.launched({name: f"{upstream.url}/v1", name.replace("BASE_URL", "API_KEY"): "key-of-the-stand-in"})
    prompt, mark = marked(f"Is it configured by {name}?")
    reply = other.post(question(prompt))
    return reply, bool(upstream.requests_with(mark))


def _by_our_name(target: Target) -> Iterator[tuple[str, tuple[Reply, bool]]]:
    found = _configured(target, _OURS)
    if not found[1] and _configured(target, _OPENAIS)[1]:
        raise NotShown(f"this server reads {_OPENAIS}, which is enough")
    yield f"if {_OURS} is set", found


def _by_openais_name(target: Target) -> Iterator[tuple[str, tuple[Reply, bool]]]:
    yield f"if {_OPENAIS} is set", _configured(target, _OPENAIS)


def _check_configured(given: tuple[Reply, bool]) -> None:
    reply, asked = given
    require(asked, "it is not read")
    require(reply.status == 200, "the server does not answer")


@case("X2/1", _by_our_name)
def janus_base_url(given: tuple[Reply, bool]) -> None:
    """The upstream's base URL can be set with JANUS_LLM_BASE_URL, unless OPENAI_BASE_URL is read."""
    _check_configured(given)


@case("X2/2", _by_openais_name)
def openai_base_url(given: tuple[Reply, bool]) -> None:
    """The upstream's base URL can be set with OPENAI_BASE_URL."""
    _check_configured(given)
