"""More mutants from the contract's text: whoever wrote them had read no check, only what other mutants do."""

import base64
import hashlib
import itertools
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from .artifact_mutants import shelved
from .mutants import MUTANTS, breaks
from .plain_artifacts import Shelf
from .plain_server import Json, Plain, Refused

_BEFORE = len(MUTANTS)


class Remembering(Plain):
    """A plain server whose methods may tell one another things about the request of their thread."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.here = threading.local()


# Section 1.


@breaks("E2")
class HidesWhatIsBehindIt(Plain):
    """E2: and what is behind it (backend, model)."""

    def health(self) -> tuple[int, Json]:
        status, body = super().health()
        return status, {name: value for name, value in body.items() if name not in ("backend", "model")}


@breaks("E3")
class ListsModelsByNameAlone(Plain):
    """E3: OpenAI's list holds objects."""

    def models(self) -> tuple[int, Json]:
        return 200, {"object": "list", "data": ["m"]}


@breaks("E4")
class NeverCountsDown(Plain):
    """E4: in-flight are those that are not over."""

    def over(self) -> None:
        pass


@breaks("E4")
class CountsNoErrors(Plain):
    """E4: errors, and so those of a failing upstream."""

    def figures(self) -> dict[str, float]:
        return {**super().figures(), "errors_total": 0}


@breaks("E5")
class ForbidsDebugWhenOff(Remembering):
    """E5: when off 404, as if it did not exist."""

    def route(self, method: str, path: str) -> str | None:
        self.here.path = path
        return super().route(method, path) or ("models" if path == "/debug" else None)

    def models(self) -> tuple[int, Json]:
        return (403, {"detail": "debug is off"}) if self.here.path == "/debug" else super().models()


@breaks("E6")
class DebugsWithoutAType(Plain):
    """E6: without type a reader drops the event."""

    def debug_event(self, id: str, kind: str, message: str) -> Json:
        return {name: value for name, value in super().debug_event(id, kind, message).items() if name != "type"}


# Section 2.


@breaks("R1")
class RefusesItsOwnAnswers(Plain):
    """R1: unknown fields are no error, in a message neither, and artifacts may come back in the history."""

    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        for name in message.keys() - {"role", "content", "name", "tool_calls", "tool_call_id"}:
            raise Refused(f"{where}.{name}", "unknown")


@breaks("R1", also="R9")
class HasNoBrowser(Plain):
    """R1: callers send browser_session_id, and it is accepted."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        if "browser_session_id" in asked:
            raise Refused("browser_session_id", "extra inputs are not permitted")


@breaks("R2")
class TakesAnyTruth(Plain):
    """R2: stream is a boolean, and "false" a wrong type."""

    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if name != "stream"})


@breaks("R3", also="S16")
class HasADefaultModel(Plain):
    """R3: model is required."""

    def parse(self, body: bytes) -> Json:
        return {"model": "default", **super().parse(body)}


@breaks("R5")
class RefusesNullContent(Plain):
    """R5: content may be null."""

    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        if message.get("content", "") is None:
            raise Refused(f"{where}.content", "a string or a list")


@breaks("R6")
class NamesNoPart(Plain):
    """R6: another type is a 400 that names it."""

    def check_content(self, message: Json, where: str) -> None:
        try:
            super().check_content(message, where)
        except Refused as refused:
            raise Refused(refused.param, "not supported") from None


@breaks("R7")
class DedupesNeighboursOnly(Plain):
    """R7: names may repeat anywhere in the list."""

    def upstream_body(self, asked: Json) -> Json:
        groups = itertools.groupby(asked.get("tools") or (), lambda tool: tool["function"]["name"])
        tools = [next(group) for _, group in groups]
        return {**super().upstream_body(asked), **({"tools": tools} if tools else {})}


@breaks("R8")
class ShowsTheTokenInDebug(Remembering):
    """R8: the token is never shown."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        self.here.asked = asked

    def debug_event(self, id: str, kind: str, message: str) -> Json:
        return {**super().debug_event(id, kind, message), "data": {"request": self.here.asked}}


@breaks("R9", also="R2")
class IgnoresN(Plain):
    """R9: n above 1 is a 400."""

    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if name != "n"})


@breaks("R10")
class EchoesOneIdOfTwo(Plain):
    """R10: echo the first two."""

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in super().echoed(headers).items() if name == "x-request-id"}


# Section 3.


@breaks("W1")
class WritesItsIdsWithDashes(Plain):
    """W1: 24 hex digits."""

    def answer_id(self, headers: Mapping[str, str]) -> str:
        given = super().answer_id(headers)
        return given if given == headers.get("x-request-id") else f"chatcmpl-{uuid.uuid4()}"


@breaks("W1")
class IsCreatedBetweenSeconds(Plain):
    """W1, as OpenAI's SDK reads it: created is an integer."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "created": 1764000000.25}


@breaks("W2", also="R7")
class ParsesTheArguments(Plain):
    """W2, as OpenAI's SDK reads it: the arguments of a call are a string."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        return super().whole(id, asked, message, reason, usage)


@breaks("W3", also="S7 S9 R7")
class FinishesLikeOldFunctions(Plain):
    """W3: four reasons and nothing else."""

    def reason(self, given: str) -> str:
        return "function_call" if given == "tool_calls" else super().reason(given)


# Section 4.


@breaks("S2", "S4")
class SaysNothingOften(Plain):
    """S2: a non-empty delta; S4: progress in words."""

    def words(self) -> Json | None:
        return {"reasoning_content": ""}


@breaks("S3", also="S4")
class RestsAfterItsFirstWord(Remembering):
    """S3: never a gap, after the first word neither."""

    def first_delta(self) -> Json | None:
        self.here.spoke = False
        return super().first_delta()

    def chunk(self, fixed: Json, delta: Json) -> Json:
        self.here.spoke = self.here.spoke or "content" in delta
        return super().chunk(fixed, delta)

    def words(self) -> Json | None:
        return None if self.here.spoke else super().words()

    def ping(self) -> bytes:
        return b"" if self.here.spoke else super().ping()


@breaks("S4")
class PrintsDots(Plain):
    """S4: progress in words, not only pings."""

    def words(self) -> Json | None:
        return {"reasoning_content": "."}


@breaks("S5", also="S18")
class SendsTheOtherNulls(Plain):
    """S5: omit nulls, and not those of content and usage alone."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        return super().chunk(fixed, {"tool_calls": None, **delta})


@breaks("S7", also="S9 S13")
class GivesAnEmptyReasonEachTime(Plain):
    """S7: exactly one chunk with a finish_reason."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        return {**fixed, "choices": [{"index": 0, "delta": delta, "finish_reason": ""}]}


@breaks("S8")
class CountsApartAlways(Plain):
    """S8: on the finish chunk, when nobody asked for OpenAI's."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, reason, usage, True)


@breaks("S8")
class NeverCountsApart(Plain):
    """S8: on OpenAI's chunk instead, when it was asked."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, reason, usage, False)


@breaks("S9")
class RepeatsTheType(Plain):
    """S9: type in the first fragment only."""

    def fragment(self, piece: Json) -> Json:
        return {**piece, "type": "function"}


@breaks("S10")
class ShowsItsOwnToolsAsCalls(Plain):
    """S10: no calls for tools that the competitor runs."""

    def events(self, start: Json, end: Json) -> list[Json]:
        call = {"index": 0, "id": "t1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
        first, *others = super().events(start, end)
        return [first, {"tool_calls": [call]}, *others]


@breaks("S11")
class ForgetsTheThirdLineEnd(Plain):
    """S11: U+0085 ends a line as U+2028 and U+2029 do."""

    def frame(self, chunk: Json) -> bytes:
        return super().frame(chunk).replace(rb"\u0085", "\x85".encode())


@breaks("S12")
class TellsWhenToComeBack(Plain):
    """S12: no retry lines."""

    def frame(self, chunk: Json) -> bytes:
        is_first = any("role" in choice["delta"] for choice in chunk["choices"])
        return (b"retry: 3000\n" if is_first else b"") + super().frame(chunk)


@breaks("S13")
class SendsAnErrorEvent(Plain):
    """S13: a text in content that says what failed."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        if (text := delta.get("content", "")).startswith("The model's server failed"):
            return {**fixed, "choices": [], "error": {"message": text, "type": "server_error", "code": 502}}
        return super().chunk(fixed, delta)


@breaks("S13", also="S7 S8 X1")
class SaysNoMoreThanThatItFailed(Remembering):
    """S13: after the text still a finish_reason and usage."""

    def failed_text(self, failure: str) -> str:
        self.here.failed = True
        return super().failed_text(failure)

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        whole = super().end(fixed, reason, usage, apart)
        return iter([b"data: [DONE]\n\n"]) if getattr(self.here, "failed", False) else whole


@breaks("S15")
class EndsAtTheVeryLimit(Plain):
    """S15: before the caller's limit."""

    def answer_seconds(self) -> float:
        return self.timeout


@breaks("S16")
class AnswersLikeItsFramework(Plain):
    """S16: bad input is 400, 413 or 415."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return 422 if status == 400 else status, body


@breaks("S16", also="R2 R6")
class NamesNoField(Plain):
    """S16: the message names the field."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {**body["error"], "message": "The request is invalid.", "param": None}}


@breaks("S17")
class GivesEveryEventItsOwnId(Plain):
    """S17: an end has the id of its start."""

    def events(self, start: Json, end: Json) -> list[Json]:
        return super().events(start, {**end, "payload": {**end["payload"], "id": "t2"}})


@shelved("S18", says="")
class ReasonsWithTheEvent(Shelf):
    """S18: in a chunk of its own."""

    def deltas(self, item: Json) -> list[Json]:
        event, text = super().deltas(item)
        return [{"reasoning_content": "I made a file. ", **event}, text]


# Section 5.


@breaks("U2", also="S5")
class PricesTheUnknownAsNull(Plain):
    """U2: a number, when known."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {**super().usage(counted, asked, text), "cost_usd": None}


@breaks("U3")
class TrustsItsOwnEstimate(Plain):
    """U3: the upstream's own count first."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage(None, asked, text)


# Section 6.


@shelved("A1", says="", also="A2 A4 A5")
class HashesTheBase64(Shelf):
    """A1: the hash of the bytes."""

    def descriptor(self, data: bytes, name: str) -> Json:
        return {**super().descriptor(data, name), "sha256": hashlib.sha256(base64.b64encode(data)).hexdigest()}


@shelved("A1", says="")
class KnowsDocuments(Shelf):
    """A1: four types."""

    def descriptor(self, data: bytes, name: str) -> Json:
        item = super().descriptor(data, name)
        return {**item, "type": "document" if item["type"] == "file" else item["type"]}


@shelved("A2", says="")
class LinksToWhereItListens(Shelf):
    """A2: under the Host of the request; the address for all of a machine's is no address to a caller."""

    def kept(self, item: Json, data: bytes) -> str:
        return super().kept(item, data).replace("127.0.0.1", "0.0.0.0")


@shelved("A2", says="", also="E7 A4 A5")
class InlinesEverything(Shelf):
    """A2: larger ones have an http URL."""

    def kept(self, item: Json, data: bytes) -> str:
        return self.inline(data, item["mime_type"])


@breaks("A3")
class HasArtifactsInStreamsOnly(Plain):
    """A3: whole mode has message.artifacts."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return super().whole(id, asked, {**message, "artifacts": []}, reason, usage)


@shelved("A4", says="")
class EndsRangesOneEarly(Shelf):
    """A4: the last byte of a Range is part of it."""

    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = super().served(path, asked)
        return (status, headers, data[:-1]) if status == 206 else (status, headers, data)


@shelved("A4", says="")
class NumbersItsArtifacts(Shelf):
    """A4: unguessable URLs."""

    def kept(self, item: Json, data: bytes) -> str:
        item["id"] = f"a{len(list(self.folder.glob('*.json'))) + 1}"
        return super().kept(item, data)


@shelved("A4", says="")
class ServesAnyFile(Shelf):
    """A4: no traversal."""

    def find(self, path: str) -> tuple[Json, bytes] | None:
        file = self.folder / unquote(path.removeprefix("/v1").removeprefix("/artifacts/"))
        return super().find(path) or (
            ({"mime_type": "text/plain", "display_name": file.name, "sha256": "0"}, file.read_bytes())
            if file.is_file()
            else None
        )


@shelved("A4", says="")
class TagsNothing(Shelf):
    """A4: ETag."""

    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = super().served(path, asked)
        return status, {name: value for name, value in headers.items() if name != "ETag"}, data


OF_THE_CONTRACT = MUTANTS[_BEFORE:]
del MUTANTS[_BEFORE:]
