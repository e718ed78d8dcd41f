"""Mutants for section 1 of the contract, the endpoints. Each breaks the clause that its decorator names."""

from collections.abc import Mapping
from typing import Any

from ..plain_artifacts import Shelf
from ..plain_server import Json, Plain, Refused
from .bases import Remembering
from .registry import BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks, shelved


@breaks("E1/1", says="answered 307|got 307")
class RedirectsToASlash(Plain):
    def route(self, method: str, path: str) -> str | None:
        return None if method == "POST" else super().route(method, path)


@breaks("E1/3", says="does not have the content type text/event-stream")
class StreamsAsJson(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {**super().stream_headers(), "Content-Type": "application/json"}


@breaks("E1/5", says="does not have the header cache-control: no-cache")
class LetsStreamsBeCached(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {**super().stream_headers(), "Cache-Control": "max-age=60"}


@breaks("E1/5", says="does not have the header x-accel-buffering: no")
class LetsNginxBuffer(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {name: value for name, value in super().stream_headers().items() if name != "X-Accel-Buffering"}


@breaks("R1/1", origin=FROM_THE_CONTRACT_ALONE)
class NullStreamIsAStream(Plain):
    """E1: "JSON out, or SSE with `stream: true`", but this server also streams for `stream: null`."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        asked["stream"] = asked.get("stream", False) is not False


@breaks("E2/1", says='no "status": "ok"', also="E9 N1")
class IsUp(Plain):
    def health(self) -> tuple[int, Json]:
        return 200, {**super().health()[1], "status": "up"}


@breaks("E2/1", says="answered 503", also="E8 E9 N1 N2")
class NeedsAKeyToBeHealthy(Plain):
    def health(self) -> tuple[int, Json]:
        return 503, super().health()[1]


@breaks("E2/2", says="no version")
class SaysNoVersion(Plain):
    def health(self) -> tuple[int, Json]:
        return 200, {"status": "ok"}


@breaks("E2/1", origin=BLIND)
class SaysOkInPlainText(Plain):
    """E2: /health answers with JSON, but this server answers with plain text."""

    def health(self) -> tuple[int, Any]:
        return 200, "ok"


@breaks("E2/2", origin=OF_THE_CONTRACT)
class HidesWhatIsBehindIt(Plain):
    """E2: /health names the backend and the model, but this server names neither."""

    def health(self) -> tuple[int, Json]:
        status, body = super().health()
        return status, {name: value for name, value in body.items() if name not in ("backend", "model")}


@breaks("E2/3", says="after the upstream failed", also="N2", origin=FROM_THE_CONTRACT_ALONE)
class UnhealthyOnceTheUpstreamFailed(Plain):
    """E2: the health does not depend on the upstream, but this server is unhealthy after the upstream has failed."""

    def health(self) -> tuple[int, Json]:
        status, body = super().health()
        return (503, {**body, "status": "degraded"}) if self.failed else (status, body)


@breaks("E3/1", says='no "object"')
class ListsModelsAsAList(Plain):
    def models(self) -> Any:
        return 200, [{"id": "m", "object": "model"}]


@breaks("E3/2", origin=OF_THE_CONTRACT)
class ListsModelsByNameAlone(Plain):
    """E3: OpenAI's list of models has objects, but this server lists names."""

    def models(self) -> tuple[int, Json]:
        return 200, {"object": "list", "data": ["m"]}


@breaks("E4/1", says="answered 404")
class HasNoMetrics(Plain):
    def route(self, method: str, path: str) -> str | None:
        return None if path == "/metrics" else super().route(method, path)


@breaks("E4/1", says="does not have the content type text/plain")
class MeasuresInJsonAlone(Plain):
    def metrics(self, accept: str) -> tuple[str, bytes]:
        return super().metrics("application/json")


@breaks("E4/3", says="is not JSON")
class MeasuresInTextAlone(Plain):
    def metrics(self, accept: str) -> tuple[str, bytes]:
        return super().metrics("")


@breaks("E4/2", says="no figure for the largest gap")
class MeasuresNoGaps(Plain):
    def figures(self) -> dict[str, float]:
        return {name: value for name, value in super().figures().items() if "gap" not in name}


@breaks("E4/4", says="no count of requests .* rose")
class CountsNoRequests(Plain):
    def figures(self) -> dict[str, float]:
        return {**super().figures(), "requests_total": 0, "requests_in_flight": 0}


@breaks("E4/1", says="not a valid sample")
class WritesSamplesLikeYaml(Plain):
    def metrics(self, accept: str) -> tuple[str, bytes]:
        kind, data = super().metrics(accept)
        return kind, data if kind == "application/json" else data.replace(b" ", b": ").replace(b"total", b"total{")


@breaks("E4/5", origin=OF_THE_CONTRACT)
class NeverCountsDown(Plain):
    """E4: requests that have ended are not in flight, but this server never lowers the figure."""

    def over(self) -> None:
        pass


@breaks("E4/6", origin=OF_THE_CONTRACT)
class CountsNoErrors(Plain):
    """E4: errors are counted, including a failing upstream, but this server counts none."""

    def figures(self) -> dict[str, float]:
        return {**super().figures(), "errors_total": 0}


@breaks("E4/5", says="still counts", origin=FROM_THE_CONTRACT_ALONE)
class FailedRequestsStayInFlight(Plain):
    """E4: "Requests, errors, in-flight", but here a request whose upstream failed stays in flight."""

    failed_before = 0

    def over(self) -> None:
        if self.failed > self.failed_before:
            self.failed_before = self.failed
            return
        super().over()


@breaks("E5/1", says="answered 200, though debug is off")
class DebugsInProduction(Plain):
    def route(self, method: str, path: str) -> str | None:
        return "debug" if path == "/debug" else super().route(method, path)


@breaks("E5/3", says="the Host rebound.example: it answered 200", also="E6")
class DebugsForAnyHost(Plain):
    def debug_host(self, host: str) -> bool:
        return True


@breaks("E5/1", origin=OF_THE_CONTRACT)
class ForbidsDebugWhenOff(Remembering):
    """E5: /debug is a 404 while debug is off, but this server answers 403, so the route is known to exist."""

    def route(self, method: str, path: str) -> str | None:
        self.here.path = path
        return super().route(method, path) or ("models" if path == "/debug" else None)

    def models(self) -> tuple[int, Json]:
        return (403, {"detail": "debug is off"}) if self.here.path == "/debug" else super().models()


@breaks("E5/3", says="with the Host localhost", also="E6", origin=FROM_THE_CONTRACT_ALONE)
class HostsThatBeginLikeLoopback(Plain):
    """E5: "`Host` checked", but this server checks only the start of `Host`, so it accepts `localhost.evil.example`."""

    def debug_host(self, host: str) -> bool:
        return host.startswith(("127.0.0.1", "localhost"))


@breaks("E6/1", says="debug is off")
class StreamsDebugAlways(Plain):
    def route(self, method: str, path: str) -> str | None:
        return "models" if path.startswith("/v1/debug/") else super().route(method, path)


@breaks("E6/4", says="no timestamp")
class DebugsWithoutTime(Plain):
    def debug_event(self, id: str, kind: str, step: str, message: str) -> Json:
        event = super().debug_event(id, kind, step, message)
        return {name: value for name, value in event.items() if name != "timestamp"}


@breaks("E6/3", says="event: debug")
class NamesItsDebugEvents(Plain):
    def debug_frame(self, event: Json) -> bytes:
        return b"event: debug\n" + super().debug_frame(event)


@breaks("E6/4", says="id of another request")
class DebugsUnderAnotherId(Plain):
    def debug_event(self, id: str, kind: str, step: str, message: str) -> Json:
        return super().debug_event("another", kind, step, message)


@breaks("E6/4", origin=OF_THE_CONTRACT)
class DebugsWithoutAType(Plain):
    """E6: debug events have a type, which readers need, but this server sends none."""

    def debug_event(self, id: str, kind: str, step: str, message: str) -> Json:
        return {name: value for name, value in super().debug_event(id, kind, step, message).items() if name != "type"}


@breaks("E6/1", origin=FROM_THE_CONTRACT_ALONE)
class DebugStreamOpenWhileDebugIsOff(Plain):
    """E6: "Any peer while debug is on, 404 else", but this server serves the debug stream even while debug is off."""

    def route(self, method: str, path: str) -> str | None:
        if method == "GET" and path.startswith("/v1/debug/stream/"):
            return "debug_stream"
        return super().route(method, path)


@shelved("E7/1", says="answered 404", also="A5")
class KnowsNoIdAlone(Shelf):
    def find(self, path: str) -> tuple[Json, bytes] | None:
        return None if path.startswith("/v1/") else super().find(path)


class OneRoute(Shelf):
    def served(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/v1/"):
            return 404, {"Content-Type": "application/json"}, b"{}"
        return super().served(path, headers)


@breaks("E7/1", also="A5", origin=BLIND)
class KeepsOneOfTheTwoRoutes(Plain):
    """E7: two routes serve an artifact's bytes, but this server does not have the one at `/v1/artifacts/{id}`."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return OneRoute(environment)


@breaks("E8/1", "E9/1", says="does not answer on it|not healthy", also="N1 E2")
class UnhealthyOnAnyOtherPort(Plain):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.first = set(environment) == {"JANUS_LLM_BASE_URL"}

    def health(self) -> tuple[int, Json]:
        return (200, super().health()[1]) if self.first else (500, {})


@breaks("E9/3", says="does not say")
class PretendsToHaveAModel(Plain):
    def offline_text(self) -> str:
        return "Sure, I am a large model."


@breaks("E9/2", says="answers 503", also="E6")
class RefusesToChatWithoutAnUpstream(Plain):
    def check(self, asked: Json) -> None:
        super().check(asked)
        if self.base_url is None:
            raise Refused(None, "no upstream", 503)


@breaks("E1/2", "E1/4", says="has no text|has no content", also="E4 E9 N4 S2 S11 S13 S14 S15 A3 A4 A5 E7 E6 R8 S17 S18")
class SaysNothing(Plain):
    def offline_text(self) -> str:
        return ""

    def frame(self, chunk: Json) -> bytes:
        return b"" if any("content" in choice["delta"] for choice in chunk["choices"]) else super().frame(chunk)

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return super().whole(id, asked, {**message, "content": ""}, reason, usage)


@breaks("E5/2", says="the difference reveals /debug", also="E5 E7 A4")
class SaysThatPagesAreGone(Plain):
    def route(self, method: str, path: str) -> str | None:
        return super().route(method, path) or (None if path.startswith(("/debug", "/v1")) else "health")


@breaks("E6/2", says="has no event|answered 404", also="E6 R8")
class HasNoDebugStream(Plain):
    def route(self, method: str, path: str) -> str | None:
        return None if path.startswith("/v1/debug/stream/") else super().route(method, path)


@breaks("E6/5", says="the step 'answer'")
class UsesItsOwnSteps(Plain):
    def debug_event(self, id: str, kind: str, step: str, message: str) -> Json:
        return super().debug_event(id, kind, "answer", message)


@breaks("E6/5", says="the type 'artifact_generated_now'", also="E6/6")
class UsesItsOwnTypes(Plain):
    def debug_event(self, id: str, kind: str, step: str, message: str) -> Json:
        return super().debug_event(id, f"{kind}_now" if kind.startswith("artifact") else kind, step, message)


@breaks("E6/6", says="no data.filename")
class DebugsArtifactsWithoutAName(Plain):
    def tell(self, id: str, event: Json | None) -> None:
        super().tell(id, {name: value for name, value in event.items() if name != "data"} if event else None)


@breaks("E6/7", says="of the second is")
class MixesRequestsWithOneDebugId(Plain):
    def follow(self, id: str) -> str:
        self.followed.clear()
        return super().follow(id)


@breaks("E6/8", says="with the Host gateway.internal")
class KnowsNoDebugHosts(Plain):
    def debug_stream_host(self, host: str) -> bool:
        return self.debug_host(host)


@breaks("E6/8", says="rebound.example")
class StreamsDebugForAnyHost(Plain):
    def debug_stream_host(self, host: str) -> bool:
        return True


@breaks("E9/4", says="since there is no key", also="R8 X2")
class NeedsAKey(Plain):
    def is_offline(self, asked: Json) -> bool:
        return super().is_offline(asked) or not self.keyed
