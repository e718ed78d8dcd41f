"""Forty mutants written from the contract and the plain server alone, without a look at the checks."""

import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from urllib.parse import unquote

from .mutants import MUTANTS, breaks
from .plain_artifacts import Shelf
from .plain_server import NUMBERS, PASSED_ON, Json, Plain, Refused

_BEFORE = len(MUTANTS)


class _Attentive(Plain):
    """Knows in the thread of a request whether its answer has begun."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.stream = threading.local()

    @property
    def answering(self) -> bool:
        return bool(getattr(self.stream, "answering", False))

    def chunk(self, fixed: Json, delta: Json) -> Json:
        if delta.get("content"):
            self.stream.answering = True
        return super().chunk(fixed, delta)


@breaks("E2", says="after the upstream failed", also="N2")
class UnhealthyOnceTheUpstreamFailed(Plain):
    """E2: no upstream may be needed to be healthy."""

    def health(self) -> tuple[int, Json]:
        status, body = super().health()
        return (503, {**body, "status": "degraded"}) if self.failed else (status, body)


@breaks("R7", says="the upstream got the tools")
class DropsOnlyIdenticalTools(Plain):
    """R7: names are deduped; here two tools of one name both go on when anything else in them differs."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        if tools := asked.get("tools"):
            body["tools"] = [tool for number, tool in enumerate(tools) if tool not in tools[:number]]
        return body


@breaks("R10", says="X-Correlation-ID is not echoed")
class CorrelationIdOnlyForWantOfARequestId(Plain):
    """R10: both headers are echoed, not the second in place of the first."""

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return dict(list(super().echoed(headers).items())[:1])


@breaks("W1", says="which has 128 characters")
class RequestIdsUpTo64(Plain):
    """W1: a request id of up to 128 characters is the answer's id."""

    def answer_id(self, headers: Mapping[str, str]) -> str:
        given = super().answer_id(headers)
        return given if len(given) <= 64 else f"chatcmpl-{uuid.uuid4().hex[:24]}"


@breaks("W2")
class EmptyReasoningLeftOut(Plain):
    """W2: `reasoning_content` is always in the message, also when the model did not reason."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        kept = {name: value for name, value in message.items() if value or name != "reasoning_content"}
        return super().whole(id, asked, kept, reason, usage)


@breaks("S8")
class UsageChunkKeepsAChoice(Plain):
    """S8: the chunk of usage that was asked for has `choices: []`."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        if not apart:
            yield from super().end(fixed, reason, usage, apart)
            return
        yield self.frame({**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield self.frame({**self.chunk(fixed, {}), "usage": usage})
        yield b"data: [DONE]\n\n"


@breaks("S9")
class TypeInEveryFragment(Plain):
    """S9: `type` stands in a call's first fragment only; a model class with a default repeats it."""

    def fragment(self, piece: Json) -> Json:
        return {**super().fragment(piece), "type": "function"}


@breaks("S11")
class EscapesOnlyTheTwoSeparators(Plain):
    """S11: JSON is ASCII-escaped; here U+2028 and U+2029 are, U+0085 and the rest go out raw."""

    def frame(self, chunk: Json) -> bytes:
        text = json.dumps(chunk, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        return b"data: " + text.encode("utf-8", "backslashreplace") + b"\n\n"


@breaks("S16", says="does not name", also="R6")
class FieldNamedInParamOnly(Plain):
    """S16: the error's message names the field, too."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {**body["error"], "message": "Invalid request: a field is missing or wrong."}}


@breaks("U3", says="in base64 was counted as text")
class EstimatesFromTheWholeJson(Plain):
    """U3: base64 is not text; here the estimate of the prompt counts the bytes of images and files."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        prompt = len(json.dumps(asked["messages"])) // 4 + 1
        return super().usage(counted or {"prompt_tokens": prompt, "completion_tokens": len(text) // 4 + 1}, asked, text)


class _FirstDataUrlOnly(Shelf):
    def named(self, text: str) -> str:
        head, found, rest = text.partition("](data:")
        return f"{head}]{rest.partition(')')[2]}" if found else text


@breaks("A3", says="bytes of an earlier answer")
class OneDataUrlAMessage(Plain):
    """A3: "`data:` URLs that come back in the history are replaced by names"; here only a message's first one is."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _FirstDataUrlOnly(environment)


class _SecondRouteForgetsTheTtl(Shelf):
    def find(self, path: str) -> tuple[Json, bytes] | None:
        key = unquote(path).removeprefix("/v1/artifacts/")
        if path.startswith("/v1/artifacts/") and key.isalnum() and (self.folder / f"{key}.json").is_file():
            return json.loads((self.folder / f"{key}.json").read_text()), (self.folder / key).read_bytes()
        return super().find(path)


@breaks("A4", says="after its TTL")
class ExpiredOnOneRouteOnly(Plain):
    """A4: "after the TTL 404 or 410 and the bytes are gone"; here `/v1/artifacts/{id}` serves them for ever."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _SecondRouteForgetsTheTtl(environment)


@breaks("S5", says="usage is null")
class NullUsageBeforeTheUsageChunk(Plain):
    """S5: "never `usage: null`"; here the finish chunk has it when `include_usage` was asked, as OpenAI's own does."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        if not apart:
            yield from super().end(fixed, reason, usage, apart)
            return
        choice = {"index": 0, "delta": {}, "finish_reason": reason}
        yield self.frame({**fixed, "choices": [choice], "usage": None})
        yield self.frame({**fixed, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


@breaks("S6", says="created has")
class CreatedWhenEachChunkWas(Plain):
    """S6: "Same `id`, `model`, `created` in all chunks"; here the clock is read for each, as seconds pass."""

    def frame(self, chunk: Json) -> bytes:
        return super().frame({**chunk, "created": int(time.time())})


@breaks("S15", says="limit of 20 s")
class EndsTwoSecondsBeforeTheLimit(Plain):
    """S15: "ends its answer in good form 10 s before it"; here 2 s before it, for limits of 20 s and more."""

    def answer_seconds(self) -> float:
        return super().answer_seconds() if self.timeout < 20 else self.timeout - 2


@breaks("R2", says="temperature")
class NumbersInStringsAreNumbers(Plain):
    """R2: "Known fields with a wrong type or out of range are a 400"; here `"0.5"` is read as 0.5, as lax models do."""

    def check(self, asked: Json) -> None:
        for name in NUMBERS:
            if isinstance(asked.get(name), str):
                with suppress(ValueError):
                    asked[name] = int(asked[name]) if name.startswith("max_") else float(asked[name])
        super().check(asked)


@breaks("R8", says="not a host of the platform")
class TokenForUrlsThatMentionThePlatform(Plain):
    """R8: "used as the upstream's key only for hosts of the platform"; here `chutes.ai` may stand anywhere in the URL.

    `http://127.0.0.1:9000/chutes.ai/v1` gets the user's token.
    """

    def key(self, asked: Json) -> str | None:
        return asked.get("chutes_access_token") if "chutes.ai" in (self.base_url or "") else None


@breaks("R9")
class FalsyParametersStopHere(Plain):
    """R9: OpenAI's own fields "go on to the upstream as they came"; here `seed: 0` and `false` are taken for absent."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        return {name: value for name, value in body.items() if value or name not in PASSED_ON}


@breaks("E4", says="still counts")
class FailedRequestsStayInFlight(Plain):
    """E4: "Requests, errors, in-flight"; here the gauge is not lowered for a request whose upstream failed."""

    failed_before = 0

    def over(self) -> None:
        if self.failed > self.failed_before:
            self.failed_before = self.failed
            return
        super().over()


@breaks("E5", says="with the Host localhost")
class HostsThatBeginLikeLoopback(Plain):
    """E5: "`Host` checked"; here by its beginning, so that `localhost.evil.example` (DNS rebinding) passes."""

    def debug_host(self, host: str) -> bool:
        return host.startswith(("127.0.0.1", "localhost"))


@breaks("E6")
class DebugStreamOpenWhileDebugIsOff(Plain):
    """E6: "Any peer while debug is on, 404 else"; here `/debug` alone is guarded, the stream is there either way."""

    def route(self, method: str, path: str) -> str | None:
        if method == "GET" and path.startswith("/v1/debug/stream/"):
            return "debug_stream"
        return super().route(method, path)


@breaks("R1")
class UnknownFieldsOfAMessageForbidden(Plain):
    """R1: "Unknown fields are ignored, never an error"; here at the top only: a message's model forbids extras."""

    message_fields = frozenset(
        ("role", "content", "reasoning_content", "name", "tool_calls", "tool_call_id", "artifacts", "refusal")
    )

    def check(self, asked: Json) -> None:
        super().check(asked)
        for number, message in enumerate(asked["messages"]):
            for name in message:
                if name not in self.message_fields:
                    raise Refused(f"messages[{number}].{name}", "extra inputs are not permitted")


@breaks("R5")
class OnlyAnAssistantMayHaveNoContent(Plain):
    """R5: content is a "string, list of parts, null or **absent**"; here a tool's or a user's must not be missing.

    A tool that returned nothing has `content: null`, which a gateway removes.
    """

    def check_content(self, message: Json, where: str) -> None:
        if message.get("content") is None and message["role"] != "assistant":
            raise Refused(f"{where}.content", "content is required")
        super().check_content(message, where)


@breaks("S1")
class WordsBeforeTheRole(Plain):
    """S1: "First chunk: the role"; here a word of progress is hurried out before it, for a better TTFT."""

    def frame(self, chunk: Json) -> bytes:
        data = super().frame(chunk)
        if any("role" in choice["delta"] for choice in chunk["choices"]):
            data = super().frame(self.chunk(chunk, {"reasoning_content": "Reading the request. "})) + data
        return data


@breaks("S4")
class PingsOnlyOnceTheAnswerBegan(_Attentive):
    """S4: "progress in words, not only pings"; here a silence after the first `content` gets nothing but pings."""

    def words(self) -> Json | None:
        return None if self.answering else super().words()


@breaks("S13")
class BrokenOffAnswersEndAsIfWhole(_Attentive):
    """S13: "A failure later: a text that says so in `content`"; here not when some of the answer has been sent."""

    def failed_text(self, failure: str) -> str:
        return "" if self.answering else super().failed_text(failure)


class _WordsWithTheArtifact(Shelf):
    def deltas(self, item: Json) -> list[Json]:
        event, *rest = super().deltas(item)
        return [{"reasoning_content": f"Made {item['display_name']}. ", **event}, *rest]


@breaks("S18")
class ArtifactsGoWithWordsAsOtherEventsDo(Plain):
    """S18: "`artifacts` goes **in a chunk of its own**"; here with a `reasoning_content`, as the other four events."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _WordsWithTheArtifact(environment)


class _UnderTheAddressListenedOn(Shelf):
    def kept(self, item: Json, data: bytes) -> str:
        return super().kept(item, data).replace("//127.0.0.1:", "//0.0.0.0:", 1)


@breaks("A2")
class ArtifactUrlsUnderTheListeningAddress(Plain):
    """A2: "under a configured public base, else under the validated `Host` of the request"; here `HOST` and `PORT`.

    `http://0.0.0.0:...` is absolute, and opens on the server's own Linux machine, nowhere else.
    """

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _UnderTheAddressListenedOn(environment)


class _EmptiedAtTheStart(Shelf):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        for left in self.folder.glob("a*.json"):
            left.unlink(missing_ok=True)
            left.with_suffix("").unlink(missing_ok=True)


@breaks("A5")
class AReplicaThatStartsEmptiesTheStore(Plain):
    """A5: "Several replicas share one object store"; here each takes what lies there for its own leftovers at start."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _EmptiedAtTheStart(environment)


@breaks("U2")
class CostAsAString(Plain):
    """U2: "`cost_usd`, `sandbox_seconds`: numbers, when known"; here a decimal that the JSON encoder made a string."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        usage = super().usage(counted, asked, text)
        return {**usage, "cost_usd": f"{usage['total_tokens'] * 2e-7:.8f}"}


@breaks("E1", also="R1")
class NullStreamIsAStream(Plain):
    """E1: "JSON out, or SSE with `stream: true`"; here whatever is not false streams, `stream: null` among it."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        asked["stream"] = asked.get("stream", False) is not False


@breaks("R3")
class ProviderPrefixDropped(Plain):
    """R3: "**any name is accepted** ... and echoed"; here `org/name` comes back as `name`, as a router splits it."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        asked["model"] = asked["model"].partition("/")[2] or asked["model"]


@breaks("R6")
class FirstPartSpeaksForAll(Plain):
    """R6: "Another type: 400 that names it"; here the first part alone is looked at, and text mostly comes first."""

    def check_content(self, message: Json, where: str) -> None:
        content = message.get("content")
        super().check_content({**message, "content": content[:1]} if isinstance(content, list) else message, where)


@breaks("W3", also="S7")
class TranslatesOnlyTheReasonsItKnows(Plain):
    """W3: "`stop`, `length`, `tool_calls`, `content_filter`, nothing else"; here `abort` goes on.

    A table translates the foreign reasons that its author had met; any other is passed through.
    """

    known_reasons = {  # noqa: RUF012 - never changed
        "": "stop",
        "eos": "stop",
        "end_turn": "stop",
        "stop_sequence": "stop",
        "function_call": "stop",
        "max_tokens": "length",
        "safety": "content_filter",
    }

    def reason(self, given: str) -> str:
        return self.known_reasons.get(given, given)


@breaks("S3")
class PingsStopAtTheFirstToken(_Attentive):
    """S3: "Never more than 2 s between any two SSE events"; here the first `content` ends the pings.

    A silence after it has words of progress every 3 s only.
    """

    words_seconds = 3.0

    def ping(self) -> bytes:
        return b"" if self.answering else super().ping()


@breaks("S7", also="S13")
class FailureTextFinishesToo(Plain):
    """S7: "Exactly one chunk with a `finish_reason`"; here the text of a failure has one, the usual end another."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.stream = threading.local()  # each request has a thread of its own

    def failed_text(self, failure: str) -> str:
        self.stream.failing = True
        return super().failed_text(failure)

    def chunk(self, fixed: Json, delta: Json) -> Json:
        chunk = super().chunk(fixed, delta)
        if getattr(self.stream, "failing", False):
            chunk["choices"][0]["finish_reason"] = "stop"
        return chunk


@breaks("S16")
class NullParamLeftOut(Plain):
    """S16: "`{"error": {"message, type, param, code"}}`"; here nulls are left out.

    There is no `param` when no field is to blame: a body that is too large, or is JSON and no object.
    """

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {name: value for name, value in body["error"].items() if value is not None}}


@breaks("S17")
class ToolsEndWithoutAWord(Plain):
    """S17: "The first four go with a `reasoning_content` that says the same in words"; here a start does, no end."""

    def events(self, start: Json, end: Json) -> list[Json]:
        return [
            {"janus": delta["janus"]} if delta.get("janus") is end else delta for delta in super().events(start, end)
        ]


@breaks("U3")
class AsksForUsageOnlyWhenTheClientDid(Plain):
    """U3: "The upstream's own count first (always ask it for it)"; here the client's `stream_options` decide."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        if not (asked.get("stream_options") or {}).get("include_usage"):
            del body["stream_options"]
        return body


@breaks("A1")
class DefaultTtlLeftOutOfTheWholeAnswer(Plain):
    """A1: "all nine fields always"; here a message is written without defaults: no `ttl_seconds` when it is 3600."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        items = [
            {name: value for name, value in item.items() if (name, value) != ("ttl_seconds", 3600)}
            for item in message.get("artifacts", ())
        ]
        return super().whole(id, asked, {**message, "artifacts": items}, reason, usage)


FROM_THE_CONTRACT_ALONE = MUTANTS[_BEFORE:]
del MUTANTS[_BEFORE:]
