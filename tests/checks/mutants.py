"""The mutants: each is the plain server with one small change that breaks one clause, and good otherwise."""

import http.client
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .plain_server import Json, Plain, Refused, UpstreamFailed


@dataclass(frozen=True)
class Mutant:
    """`clauses` must be found broken, in words that match `says`; `also` may be, since the change shows there, too."""

    server: type[Plain]
    clauses: tuple[str, ...]
    says: str
    also: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.server.__name__


MUTANTS: list[Mutant] = []


def breaks(*clauses: str, says: str = "", also: str = "") -> Callable[[type[Plain]], type[Plain]]:
    """Enters a mutant; `also` are clause ids by spaces."""

    def enter(server: type[Plain]) -> type[Plain]:
        MUTANTS.append(Mutant(server, clauses, says, tuple(also.split())))
        return server

    return enter


# Section 1.


@breaks("E1", says="answered 307|got 307")
class RedirectsToASlash(Plain):
    def route(self, method: str, path: str) -> str | None:
        return None if method == "POST" else super().route(method, path)


@breaks("E1", says="does not have the content type text/event-stream")
class StreamsAsJson(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {**super().stream_headers(), "Content-Type": "application/json"}


@breaks("E1", says="does not have the header cache-control: no-cache")
class LetsStreamsBeCached(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {**super().stream_headers(), "Cache-Control": "max-age=60"}


@breaks("E1", says="does not have the header x-accel-buffering: no")
class LetsNginxBuffer(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {name: value for name, value in super().stream_headers().items() if name != "X-Accel-Buffering"}


@breaks("E2", says='no "status": "ok"')
class IsUp(Plain):
    def health(self) -> tuple[int, Json]:
        return 200, {**super().health()[1], "status": "up"}


@breaks("E2", says="answered 503", also="E8 E9 N1 N2")
class NeedsAKeyToBeHealthy(Plain):
    def health(self) -> tuple[int, Json]:
        return 503, super().health()[1]


@breaks("E2", says="no version")
class SaysNoVersion(Plain):
    def health(self) -> tuple[int, Json]:
        return 200, {"status": "ok"}


@breaks("E3", says='no "object"')
class ListsModelsAsAList(Plain):
    def models(self) -> Any:
        return 200, [{"id": "m", "object": "model"}]


@breaks("E4", says="answered 404")
class HasNoMetrics(Plain):
    def route(self, method: str, path: str) -> str | None:
        return None if path == "/metrics" else super().route(method, path)


@breaks("E4", says="does not have the content type text/plain")
class MeasuresInJsonAlone(Plain):
    def metrics(self, accept: str) -> tuple[str, bytes]:
        return super().metrics("application/json")


@breaks("E4", says="is not JSON")
class MeasuresInTextAlone(Plain):
    def metrics(self, accept: str) -> tuple[str, bytes]:
        return super().metrics("")


@breaks("E4", says="no figure for the largest gap")
class MeasuresNoGaps(Plain):
    def figures(self) -> dict[str, float]:
        return {name: value for name, value in super().figures().items() if "gap" not in name}


@breaks("E4", says="no figure of requests .* rose")
class CountsNoRequests(Plain):
    def figures(self) -> dict[str, float]:
        return {**super().figures(), "requests_total": 0, "requests_in_flight": 0}


@breaks("E4", says="not a valid sample")
class WritesSamplesLikeYaml(Plain):
    def metrics(self, accept: str) -> tuple[str, bytes]:
        kind, data = super().metrics(accept)
        return kind, data if kind == "application/json" else data.replace(b" ", b": ").replace(b"total", b"total{")


@breaks("E5", says="answered 200, though debug is off")
class DebugsInProduction(Plain):
    def route(self, method: str, path: str) -> str | None:
        return "debug" if path == "/debug" else super().route(method, path)


@breaks("E5", says="the Host rebound.example answered 200")
class DebugsForAnyHost(Plain):
    def debug_host(self, host: str) -> bool:
        return True


@breaks("E6", says="debug is off")
class StreamsDebugAlways(Plain):
    def route(self, method: str, path: str) -> str | None:
        return "models" if path.startswith("/v1/debug/") else super().route(method, path)


@breaks("E6", says="no timestamp")
class DebugsWithoutTime(Plain):
    def debug_event(self, id: str, kind: str, message: str) -> Json:
        return {name: value for name, value in super().debug_event(id, kind, message).items() if name != "timestamp"}


@breaks("E6", says="event: debug")
class NamesItsDebugEvents(Plain):
    def debug_frame(self, event: Json) -> bytes:
        return b"event: debug\n" + super().debug_frame(event)


@breaks("E6", says="id of another request")
class DebugsUnderAnotherId(Plain):
    def debug_event(self, id: str, kind: str, message: str) -> Json:
        return super().debug_event("another", kind, message)


@breaks("N1", "E9", says="not healthy", also="E8")
class IsHealthyOnlyWithAnUpstream(Plain):
    def health(self) -> tuple[int, Json]:
        return (200 if self.base_url else 503), super().health()[1]


@breaks("N2", says="one of 2 concurrent streams came after|did not end in", also="S2 S3 S1 E4")
class AnswersOneAfterTheOther(Plain):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.turn = threading.Lock()

    def check(self, asked: Json) -> None:
        super().check(asked)
        self.turn.acquire()

    def over(self) -> None:
        self.turn.release()


@breaks("E8", "E9", says="does not answer on it|not healthy", also="N1")
class UnhealthyOnAnyOtherPort(Plain):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.first = set(environment) == {"JANUS_LLM_BASE_URL"}

    def health(self) -> tuple[int, Json]:
        return (200, super().health()[1]) if self.first else (500, {})


@breaks("E9", says="does not say")
class PretendsToHaveAModel(Plain):
    def offline_text(self) -> str:
        return "Sure, I am a large model."


@breaks("E9", says="answers 503", also="E6")
class RefusesToChatWithoutAnUpstream(Plain):
    def check(self, asked: Json) -> None:
        super().check(asked)
        if self.base_url is None:
            raise Refused(None, "no upstream", 503)


# Section 2.


@breaks("R1", says="got 400", also="R9")
class ForbidsUnknownFields(Plain):
    def check(self, asked: Json) -> None:
        super().check(asked)
        if "surprise" in asked:
            raise Refused("surprise", "unknown")


@breaks("R2", says="temperature got 200")
class ChecksNoNumbers(Plain):
    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if name not in ("temperature", "top_p")})


@breaks("R2", "S16", says="no error object", also="R6")
class SaysOnlyBadRequest(Plain):
    def refusal(self, refused: Refused) -> tuple[int, Json]:
        return refused.status, {"detail": "bad request"}


@breaks("R3", says="got 404")
class KnowsItsOwnModelOnly(Plain):
    def check(self, asked: Json) -> None:
        super().check(asked)
        if asked["model"] == "gpt-4o":
            raise Refused("model", "unknown model", 404)


@breaks("R3", says="came back as")
class AnswersUnderItsOwnName(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "model": "my-competitor"}


@breaks("R4", says="empty list of messages got 200", also="S16 U3")
class AcceptsNoMessages(Plain):
    def check_messages(self, messages: Any) -> None:
        super().check_messages(messages or [{"role": "user"}])

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


@breaks("R4", says="all roles got 400")
class DoesNotKnowDevelopers(Plain):
    def check_messages(self, messages: Any) -> None:
        super().check_messages(messages)
        if any(message["role"] == "developer" for message in messages):
            raise Refused("messages[1].role", "unknown")


@breaks("R5", says="a tool call with absent content got 400")
class WantsContent(Plain):
    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        if "content" not in message:
            raise Refused(f"{where}.content", "required")


@breaks("R6", says="got 200", also="R5")
class IgnoresUnknownParts(Plain):
    def check_content(self, message: Json, where: str) -> None:
        pass


@breaks("R6", says="a file part got 400", also="U3")
class ReadsNoFiles(Plain):
    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        if isinstance(message.get("content"), list) and message["content"][-1]["type"] == "file":
            raise Refused(where, "no files")


@breaks("R7", says="repeated tool name got 400")
class RefusesRepeatedTools(Plain):
    def check_tools(self, asked: Json) -> None:
        super().check_tools(asked)
        if len(asked.get("tools") or ()) > 1:
            raise Refused("tools", "a name twice")


@breaks("R7", says="the upstream got the tools")
class PassesRepeatedToolsOn(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {**super().upstream_body(asked), "tools": asked.get("tools") or []}


@breaks("R8", "R9", says="got the token|extra was passed on", also="R7 A3")
class PassesTheWholeBodyOn(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {**super().upstream_body(asked), **asked, "stream": True}


@breaks("R8", says="got the token")
class SendsTheTokenToAnyone(Plain):
    def key(self, asked: Json) -> str | None:
        return asked.get("chutes_access_token")


@breaks("R8", says="answer contains the user's token", also="S16")
class EchoesTheTokenInErrors(Plain):
    def check(self, asked: Json) -> None:
        try:
            super().check(asked)
        except Refused as refused:
            raise Refused(refused.param, f"{refused}: {json.dumps(asked)}") from None


@breaks("R9", says="seed was not passed on")
class KeepsTheSeed(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if name != "seed"}


@breaks("R9", says="extra was passed on")
class PassesTheUserIdOn(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {**super().upstream_body(asked), **({"user_id": asked["user_id"]} if "user_id" in asked else {})}


@breaks("R10", says="not echoed")
class EchoesNoIds(Plain):
    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {}


@breaks("R10", says="compressed")
class SaysItCompresses(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {**super().stream_headers(), "Content-Encoding": "gzip"}


# Section 3.


@breaks("W1", says="object is")
class CallsItAChunk(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "object": "chat.completion.chunk"}


@breaks("W1", says="not the request's X-Request-Id")
class MakesUpItsIds(Plain):
    def answer_id(self, headers: Mapping[str, str]) -> str:
        return super().answer_id({})


@breaks("W1", says="an invalid X-Request-Id")
class TakesAnyIdForItsOwn(Plain):
    def answer_id(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-request-id") or super().answer_id(headers)


@breaks("W2", says="artifacts is not a list", also="A3")
class LeavesArtifactsOut(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        body = super().whole(id, asked, message, reason, usage)
        del body["choices"][0]["message"]["artifacts"]
        return body


@breaks("W2", says="reasoning_content is not a string")
class SendsNullReasoning(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return super().whole(id, asked, {**message, "reasoning_content": None}, reason, usage)


@breaks("W3", "S7", says="eos_token")
class PassesFinishReasonsOn(Plain):
    def reason(self, given: str) -> str:
        return given or "stop"


# Section 4.


@breaks("S1", says="no role")
class StartsWithoutARole(Plain):
    def first_delta(self) -> Json | None:
        return None


@breaks("S2", "S3", "S4", says="first word came|a gap of|no word for", also="S14")
class IsSilentWhileItWaits(Plain):
    ping_seconds = 1e9
    words_seconds = 1e9

    def words(self) -> Json | None:
        return None


@breaks("S2", "S4", says="first word came|no word for")
class OnlyPings(Plain):
    def words(self) -> Json | None:
        return None


@breaks("S3", says="a gap of 3", also="S4")
class PingsEveryThreeSeconds(Plain):
    ping_seconds = 3.0
    words_seconds = 3.0


@breaks("S5", says="usage is null")
class SendsUsageNull(Plain):
    def chunk(self, fixed: Json, delta: Json) -> Json:
        return {**super().chunk(fixed, delta), "usage": None}


@breaks("S5", says="content is null", also="S18")
class SendsContentNull(Plain):
    def chunk(self, fixed: Json, delta: Json) -> Json:
        return super().chunk(fixed, {"content": None, **delta})


@breaks("S6", says="created has")
class SetsCreatedPerChunk(Plain):
    chunks = 0

    def chunk(self, fixed: Json, delta: Json) -> Json:
        self.chunks += 1
        return super().chunk({**fixed, "created": self.chunks}, delta)


@breaks("S6", says="model is not the request's")
class StreamsUnderItsOwnName(Plain):
    def frame(self, chunk: Json) -> bytes:
        return super().frame({**chunk, "model": "my-competitor"})


@breaks("S7", says="2 chunks", also="S8 S9 S13")
class FinishesTwice(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield from super().end(fixed, reason, usage, apart)


@breaks("S7", "S13", says="0 chunks|0 finish", also="S8 S9")
class NeverFinishes(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


@breaks("S8", says="2 usages", also="S13")
class CountsTwice(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [], "usage": usage})
        yield from super().end(fixed, reason, usage, apart)


@breaks("S8", says="0 usages", also="S13 U1")
class CountsOnlyWhenAsked(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        for data in super().end(fixed, reason, usage, True):
            if apart or b'"choices": []' not in data:
                yield data


@breaks("S9", says="repeats the name")
class RepeatsTheName(Plain):
    def fragment(self, piece: Json) -> Json:
        return {**piece, "function": {"name": "", **piece["function"]}}


@breaks("S9", says="no integer index")
class ForgetsTheIndex(Plain):
    def chunk(self, fixed: Json, delta: Json) -> Json:
        pieces = [
            {name: value for name, value in piece.items() if name != "index"} for piece in delta.get("tool_calls", ())
        ]
        return super().chunk(fixed, {**delta, "tool_calls": pieces} if pieces else delta)


@breaks("S9", says="add up to JSON", also="R7")
class LosesAFragment(Plain):
    def fragment(self, piece: Json) -> Json:
        return {
            **piece,
            "function": {**piece["function"], "arguments": piece["function"]["arguments"].replace("}", "")},
        }


@breaks("S10", says="rm_rf")
class PassesEveryCallOn(Plain):
    def allowed_call(self, name: str, asked: Json) -> bool:
        return True


@breaks("S11", says="beyond ASCII")
class WritesRawUnicode(Plain):
    def frame(self, chunk: Json) -> bytes:
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


@breaks("S12", says="event: chunk")
class NamesItsEvents(Plain):
    def frame(self, chunk: Json) -> bytes:
        return b"event: chunk\n" + super().frame(chunk)


@breaks("S12", says="no blank line")
class LeavesOutTheBlankLine(Plain):
    def frame(self, chunk: Json) -> bytes:
        return super().frame(chunk)[:-1]


@breaks("S13", says="does not say what failed")
class EndsWithoutAWordWhenTheUpstreamFails(Plain):
    def failed_text(self, failure: str) -> str:
        return ""


@breaks("S13", says="does not end with", also="S7 X1 E4")
class BreaksOffWhenTheUpstreamFails(Plain):
    def failed_text(self, failure: str) -> str:
        raise ConnectionError


@breaks("S14", says="still works", also="S2 S3 S4")
class WorksOnForNobody(Plain):
    def watches_client(self) -> bool:
        return False

    def words(self) -> Json | None:
        return None

    def ping(self) -> bytes:
        return b""


@breaks("S15", says="did not end (with)?in")
class KnowsNoTimeLimit(Plain):
    def answer_seconds(self) -> float:
        return 300


@breaks("S16", says="Infinity got 200")
class AcceptsNaN(Plain):
    def parse(self, body: bytes) -> Json:
        try:
            given = json.loads(body.decode())
        except (ValueError, RecursionError):
            raise Refused("messages", "not JSON") from None
        if not isinstance(given, dict):
            raise Refused(None, "not an object")
        return given


@breaks("S16", says="has 1000")
class EchoesTheInput(Plain):
    def check_messages(self, messages: Any) -> None:
        try:
            super().check_messages(messages)
        except Refused as refused:
            raise Refused(refused.param, f"{messages!r}") from None


@breaks("S16", says="11 MiB got 200")
class HasNoLimit(Plain):
    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        super().check_headers(headers, 0)


@breaks("S17", says="no reasoning_content beside it")
class SendsEventsWithoutWords(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        return [{"janus": start}, {"janus": end}, {"content": "Done."}]


@breaks("S17", says="no end event")
class NeverEndsATool(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        return super().events(start, end)[::2]


@breaks("S17", says="not one that the contract names")
class InventsEvents(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        return super().events({**start, "event": "thinking"}, end)


# Section 5.


@breaks("U1", says="add up", also="S8 U3")
class CannotAdd(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {**super().usage(counted, asked, text), "total_tokens": 1}


@breaks("U1", says="not an integer", also="S8 U3")
class CountsInHalves(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {"prompt_tokens": 1.5, "completion_tokens": 1.5, "total_tokens": 3.0}


@breaks("U2", says="not a number")
class WritesPricesAsText(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {**super().usage(counted, asked, text), "cost_usd": "0.01"}


@breaks("U3", says="zero tokens are reported")
class CountsNothingByItself(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage(counted or {"prompt_tokens": 0, "completion_tokens": 0}, asked, text)


@breaks("U3", says="base64 was counted")
class CountsBase64AsText(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage({"prompt_tokens": len(json.dumps(asked)) // 4, "completion_tokens": 5}, asked, text)


@breaks("U3", says="not asked for its usage")
class DoesNotAskForTheCount(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if name != "stream_options"}


# Section 8.


@breaks("X1", says="redirect was followed")
class FollowsRedirects(Plain):
    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        try:
            return super().respond(connection, asked)
        except UpstreamFailed:
            connection.request("POST", "/elsewhere", json.dumps(self.upstream_body(asked)))
            return connection.getresponse()


@breaks("X1", says="proxy in the environment")
class UsesTheProxyOfItsEnvironment(Plain):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.proxy = environment.get("http_proxy")

    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        if self.proxy:
            proxied = urllib.request.build_opener(urllib.request.ProxyHandler({"http": self.proxy}))
            proxied.open(self.base_url or "", timeout=5)
        return super().respond(connection, asked)


@breaks("X2", says="OPENAI_BASE_URL is not read")
class ReadsOneNameOnly(Plain):
    def read_base_url(self, environment: Mapping[str, str]) -> str | None:
        return environment.get("JANUS_LLM_BASE_URL")
