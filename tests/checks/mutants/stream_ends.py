"""Mutants for section 4 of the contract, how a stream ends or is refused. Each breaks the clause in its decorator."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..plain_server import Json, Plain, Refused
from .bases import Attentive, Remembering
from .registry import FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks


@breaks("S13", says="does not say what failed")
class EndsWithoutAWordWhenTheUpstreamFails(Plain):
    def failed_text(self, failure: str) -> str:
        return ""


@breaks("S13", says="does not end with", also="S7 X1 E4")
class BreaksOffWhenTheUpstreamFails(Plain):
    def failed_text(self, failure: str) -> str:
        raise ConnectionError


@breaks("S13", origin=OF_THE_CONTRACT)
class SendsAnErrorEvent(Plain):
    """S13: a text in content says what failed, but this server sends an error object and no such text."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        if (text := delta.get("content", "")).startswith("The model's server failed"):
            return {**fixed, "choices": [], "error": {"message": text, "type": "server_error", "code": 502}}
        return super().chunk(fixed, delta)


@breaks("S13", also="S7 S8 X1", origin=OF_THE_CONTRACT)
class SaysNoMoreThanThatItFailed(Remembering):
    """S13: a finish_reason and usage follow the text about a failure, but this server sends neither."""

    def failed_text(self, failure: str) -> str:
        self.here.failed = True
        return super().failed_text(failure)

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        whole = super().end(fixed, reason, usage, apart)
        return iter([b"data: [DONE]\n\n"]) if getattr(self.here, "failed", False) else whole


@breaks("S13", origin=FROM_THE_CONTRACT_ALONE)
class BrokenOffAnswersEndAsIfWhole(Attentive):
    """S13: "A failure later: a text that says so in `content`", but after the first text, this server says nothing."""

    def failed_text(self, failure: str) -> str:
        return "" if self.answering else super().failed_text(failure)


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


@breaks("S15", origin=OF_THE_CONTRACT)
class EndsAtTheVeryLimit(Plain):
    """S15: an answer ends before the caller's time limit, but this server ends its answers at the limit."""

    def answer_seconds(self) -> float:
        return self.timeout


@breaks("S15", says="limit of 20 s", origin=FROM_THE_CONTRACT_ALONE)
class EndsTwoSecondsBeforeTheLimit(Plain):
    """S15: "ends its answer in good form 10 s before it", but this server ends it 2 s before."""

    def answer_seconds(self) -> float:
        return super().answer_seconds() if self.timeout < 20 else self.timeout - 2


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


@breaks("S16", origin=OF_THE_CONTRACT)
class AnswersLikeItsFramework(Plain):
    """S16: bad input gets 400, 413 or 415, but this server answers 422, like FastAPI."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return 422 if status == 400 else status, body


@breaks("S16", also="R2 R6", origin=OF_THE_CONTRACT)
class NamesNoField(Plain):
    """S16: an error's message names the field that is invalid, but the messages of this server name no field."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {**body["error"], "message": "The request is invalid.", "param": None}}


@breaks("S16", says="does not name", also="R6", origin=FROM_THE_CONTRACT_ALONE)
class FieldNamedInParamOnly(Plain):
    """S16: the error's message names the invalid field, but this server names it only in `param`."""

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {**body["error"], "message": "Invalid request: a field is missing or wrong."}}


@breaks("S16", origin=FROM_THE_CONTRACT_ALONE)
class NullParamLeftOut(Plain):
    """S16: "`{"error": {"message, type, param, code"}}`", but this server leaves out the fields that are null.

    `param` is null if no field is wrong, for example if the body is too large, or is JSON but not an object.
    """

    def refusal(self, refused: Refused) -> tuple[int, Json]:
        status, body = super().refusal(refused)
        return status, {"error": {name: value for name, value in body["error"].items() if value is not None}}
