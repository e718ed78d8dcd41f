"""Mutants for section 4 of the contract, how a stream ends or is refused. Each breaks the clause in its decorator."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..plain_server import Json, Plain, Refused
from .bases import Attentive, Remembering
from .registry import FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks


@breaks("S13/3", says="does not say what failed")
class EndsWithoutAWordWhenTheUpstreamFails(Plain):
    def failed_text(self, failure: str) -> str:
        return ""


@breaks("S13/1", says="does not end with", also="S7 X1 E4 S8 S12 S5 S6 U3")
class BreaksOffWhenTheUpstreamFails(Plain):
    def failed_text(self, failure: str) -> str:
        raise ConnectionError


@breaks("S13/1", origin=OF_THE_CONTRACT)
class SendsAnErrorEvent(Plain):
    """S13: a text in content says what failed, but this server sends an error object and no such text."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        if (text := delta.get("content", "")).startswith("The model's server failed"):
            return {**fixed, "choices": [], "error": {"message": text, "type": "server_error", "code": 502}}
        return super().chunk(fixed, delta)


@breaks("S13/1", also="S7 S8 X1", origin=OF_THE_CONTRACT)
class SaysNoMoreThanThatItFailed(Remembering):
    """S13: a finish_reason and usage follow the text about a failure, but this server sends neither."""

    def failed_text(self, failure: str) -> str:
        self.here.failed = True
        return super().failed_text(failure)

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        whole = super().end(fixed, reason, usage, apart)
        return iter([b"data: [DONE]\n\n"]) if getattr(self.here, "failed", False) else whole


@breaks("S13/3", origin=FROM_THE_CONTRACT_ALONE)
class BrokenOffAnswersEndAsIfWhole(Attentive):
    """S13: "A failure later: a text that says so in `content`", but after the first text, this server says nothing."""

    def failed_text(self, failure: str) -> str:
        return "" if self.answering else super().failed_text(failure)


@breaks("S14/2", says="still works", also="S2 S3 S4")
class WorksOnForNobody(Plain):
    def watches_client(self) -> bool:
        return False

    def words(self) -> Json | None:
        return None

    def ping(self) -> bytes:
        return b""


@breaks("S15/1", says="did not end (with)?in", also="S14")
class KnowsNoTimeLimit(Plain):
    def answer_seconds(self) -> float:
        return 300


@breaks("S15/1", also="S14", origin=OF_THE_CONTRACT)
class EndsAtTheVeryLimit(Plain):
    """S15: an answer ends before the caller's time limit, but this server ends its answers at the limit."""

    def answer_seconds(self) -> float:
        return self.timeout


@breaks("S15/2", says="limit of 20 s", origin=FROM_THE_CONTRACT_ALONE)
class EndsTwoSecondsBeforeTheLimit(Plain):
    """S15: "ends its answer in good form 10 s before it", but this server ends it 2 s before."""

    def answer_seconds(self) -> float:
        return super().answer_seconds() if self.timeout < 20 else self.timeout - 2


@breaks("S16/1", says="Infinity: it got 200", also="N3")
class AcceptsNaN(Plain):
    def parse(self, body: bytes) -> Json:
        try:
            given = json.loads(body.decode())
        except (ValueError, RecursionError):
            raise Refused("messages", "not JSON") from None
        if not isinstance(given, dict):
            raise Refused(None, "not an object")
        return given


@breaks("S16/2", says="has 1000", also="R6")
class EchoesTheInput(Plain):
    def check_messages(self, messages: Any) -> None:
        try:
            super().check_messages(messages)
        except Refused as refused:
            raise Refused(refused.param, f"{messages!r}") from None


@breaks("N3/1", says="11 MiB: it got 200")
class HasNoLimit(Plain):
    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        super().check_headers(headers, 0)


@breaks("S16/1", also="R2 R6 R7 R9 N3", origin=OF_THE_CONTRACT)
class AnswersLikeItsFramework(Plain):
    """S16: bad input gets 400, 413 or 415, but this server answers 422, like FastAPI."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return 422 if status == 400 else status, body


@breaks("S16/3", also="R2 R6 R5 R7", origin=OF_THE_CONTRACT)
class NamesNoField(Plain):
    """S16: an error's message names the field that is invalid, but the messages of this server name no field."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {**body["error"], "message": "The request is invalid.", "param": None}}


@breaks("S16/3", says="does not name", also="R6 R7", origin=FROM_THE_CONTRACT_ALONE)
class FieldNamedInParamOnly(Plain):
    """S16: the error's message names the invalid field, but this server names it only in `param`."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {**body["error"], "message": "Invalid request: a field is missing or wrong."}}


@breaks("S16/2", also="N3 R2 R3 R4 R5 R6 R7", origin=FROM_THE_CONTRACT_ALONE)
class NullParamLeftOut(Plain):
    """S16: "`{"error": {"message, type, param, code"}}`", but this server leaves out the fields that are null.

    `param` is null if no field is wrong, for example if the body is too large, or is JSON but not an object.
    """

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {name: value for name, value in body["error"].items() if value is not None}}


@breaks("S12/3", says="no \\[DONE\\]", also="S10 S13")
class LeavesOutDoneAfterCalls(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        for data in super().end(fixed, reason, usage, apart):
            if reason != "tool_calls" or b"[DONE]" not in data:
                yield data


@breaks("S12/3", says="after \\[DONE\\] comes")
class PingsAfterDone(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield from super().end(fixed, reason, usage, apart)
        yield self.ping()


@breaks("S13/2", says="the finish reason is", also="S9")
class StopsFailuresWithLength(Remembering):
    def failed_text(self, failure: str) -> str:
        self.here.failed = True
        return super().failed_text(failure)

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, "length" if getattr(self.here, "failed", False) else reason, usage, apart)


@breaks("S13/4", says="error text was sent")
class ShowsTheUpstreamsError(Plain):
    def failed_text(self, failure: str) -> str:
        return f"{super().failed_text(failure)}: mock failure with sk-secret-of-the-upstream"


@breaks("S13/5", says="has the status 502", also="S15 U3 X1")
class AnswersFailuresWith502(Plain):
    def whole_status(self, text: str) -> int:
        return 502 if "server failed" in text else 200


@breaks("S14/1", says="aborted a stream")
class LeavesOnlyTheClient(Plain):
    """S14: a client that goes away stops the work upstream, but this server reads the upstream's answer to its end."""

    def leaves_upstream(self) -> bool:
        return False


@breaks("S15/3", says="did not end before the time limit|did not end in|got no response")
class LimitsOnlyStreams(Remembering):
    def first_delta(self) -> Json | None:
        self.here.streams = True
        return super().first_delta()

    def answer_seconds(self) -> float:
        return super().answer_seconds() if getattr(self.here, "streams", False) else 300


@breaks("S16/4", says="echoes the input", also="R6")
class QuotesTheInput(Plain):
    def check_messages(self, messages: Any) -> None:
        try:
            super().check_messages(messages)
        except Refused as refused:
            raise Refused(refused.param, f"{str(messages)[:100]}") from None


@breaks("S16/5", says="got 200", also="R2 R4 N3")
class StreamsItsRefusals(Remembering):
    """S16: never a 200 that carries an error, but this server answers so if a stream is asked for."""

    def parse(self, body: bytes) -> Json:
        self.here.streams = False
        given = super().parse(body)
        self.here.streams = given.get("stream") is True
        return given

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, error = super().refusal(refused)
        return (200 if self.here.streams else status), error


@breaks("S16/6", says="does not say that it is not JSON")
class CallsItBad(Plain):
    def parse(self, body: bytes) -> Json:
        try:
            return super().parse(body)
        except Refused as refused:
            raise Refused(refused.param, "bad") from None


@breaks("S16/7", says="it got 200, not 415")
class TakesAnyType(Plain):
    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        super().check_headers({"content-type": "application/json"}, size)


@breaks("S16/8", says="reached the upstream", also="E9 S14")
class AsksBeforeItChecks(Plain):
    def check_messages(self, messages: Any) -> None:
        if self.base_url is not None:
            asked = {"messages": [{"role": "user", "content": "hello"}], "model": "m"}
            connection = self.connection(asked)
            self.respond(connection, asked).read()
            connection.close()
        super().check_messages(messages)
