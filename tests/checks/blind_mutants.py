"""Twenty mutants from the contract's text, half of them by people who had read checks: no check was made for them."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .mutants import MUTANTS, breaks
from .plain_artifacts import Shelf
from .plain_server import Json, Plain, Refused

_BEFORE = len(MUTANTS)


@breaks("E2")
class SaysOkInPlainText(Plain):
    """E2: a JSON body."""

    def health(self) -> tuple[int, Any]:
        return 200, "ok"


@breaks("R2")
class TakesMaxTokensBelowOne(Plain):
    """R2: max_tokens is at least 1."""

    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if not name.startswith("max_")})


@breaks("R5", also="R6 U3")
class WantsAString(Plain):
    """R5: content may be a list of parts."""

    def check_content(self, message: Json, where: str) -> None:
        if isinstance(message.get("content"), list):
            raise Refused(f"{where}.content", "a string, please")
        super().check_content(message, where)


@breaks("R7")
class ForgetsTheForcedChoice(Plain):
    """R7: a forced tool_choice is honoured, so it goes on to the upstream."""

    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if name != "tool_choice"}


@breaks("W2")
class LeavesReasoningOut(Plain):
    """W2: the message has reasoning_content."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        kept = {name: value for name, value in message.items() if name != "reasoning_content"}
        return super().whole(id, asked, kept, reason, usage)


@breaks("S6")
class ChangesItsIdAtTheEnd(Plain):
    """S6: the same id in all chunks, the last one too."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield from super().end({**fixed, "id": f"{fixed['id']}-end"}, reason, usage, apart)


@breaks("S12", also="S1 S2 S4 S5 S6 S7 S8 S9 S10 S11 S13 S14 S15 S17 S18 U1 U2 N2 E7 A1 A2 A3 A4 A5")
class FoldsItsData(Plain):
    """S12: no multi-line data."""

    def frame(self, chunk: Json) -> bytes:
        lines = json.dumps(chunk, indent=1).encode().splitlines()
        return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


@breaks("S8", also="S13")
class CountsInEveryChunk(Plain):
    """S8: usage exactly once."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        counts = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return {**super().chunk(fixed, delta), "usage": counts}


@breaks("S1")
class SendsItsRoleLate(Plain):
    """S1: the role, at once."""

    def first_delta(self) -> Json | None:
        time.sleep(1.2)
        return super().first_delta()


@breaks("U1", also="S8 U3")
class AddsUpWrongly(Plain):
    """U1: the three add up."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        usage = super().usage(counted, asked, text)
        return {**usage, "total_tokens": usage["total_tokens"] + 1}


@breaks("E7", also="A5")
class KeepsOneOfTheTwoRoutes(Plain):
    """E7: the bytes by `/v1/artifacts/{id}`, too."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return OneRoute(environment)


class OneRoute(Shelf):
    def served(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/v1/"):
            return 404, {"Content-Type": "application/json"}, b"{}"
        return super().served(path, headers)


@breaks("R3", also="E3")
class ServesItsOwnModelAlone(Plain):
    """R3: any name is accepted."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        if asked["model"].startswith("gpt-") or "/" in asked["model"]:
            raise Refused("model", "not a model of mine")


@breaks("R4", also="S16")
class AnswersNoMessages(Plain):
    """R4: messages, at least one."""

    def check(self, asked: Json) -> None:
        asked["messages"] = asked.get("messages") or [{"role": "user", "content": "Hello"}]
        super().check(asked)


@breaks("R10")
class EchoesTheCorrelationAlone(Plain):
    """R10: `X-Request-Id` is echoed, too."""

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in super().echoed(headers).items() if name != "x-request-id"}


@breaks("W1")
class CallsAWholeAnswerAChunk(Plain):
    """W1: object is chat.completion."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "object": "chat.completion.chunk"}


@breaks("W3")
class EndsAtTheEnd(Plain):
    """W3: finish_reason is one of four words."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return super().whole(id, asked, message, "end_turn" if reason == "stop" else reason, usage)


@breaks("S7", also="S8 S9 S13")
class FinishesTwice(Plain):
    """S7: exactly one chunk with a finish_reason."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield from super().end(fixed, reason, usage, apart)


@breaks("S9")
class NumbersItsCallsInWords(Plain):
    """S9: an integer `index` always."""

    def fragment(self, piece: Json) -> Json:
        return {**piece, "index": str(piece["index"])}


@breaks("S11")
class WritesLettersAsTheyAre(Plain):
    """S11: ASCII-escaped."""

    def frame(self, chunk: Json) -> bytes:
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


@breaks("S17")
class StartsWithoutAnEnd(Plain):
    """S17: every start has its end, with the same id."""

    def events(self, start: Json, end: Json) -> list[Json]:
        payload = {**end["payload"], "id": "another"}
        return super().events(start, {**end, "payload": payload})


BLIND = MUTANTS[_BEFORE:]
del MUTANTS[_BEFORE:]
