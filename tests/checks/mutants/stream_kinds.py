"""Mutants for section 4 of the contract, faults that show only in one kind of stream."""

import json
import time
from collections.abc import Iterator

from ..plain_server import Json, Plain
from .bases import Remembering
from .registry import breaks


class _LateWords(Remembering):
    """Base class: a plain server that waits before the first delta of an answer to a plain question."""

    seconds = 0.0

    def frame(self, chunk: Json) -> bytes:
        spoken = any(choice["delta"].keys() - {"role"} for choice in chunk["choices"])
        if spoken and not getattr(self.here, "waited", False):
            self.here.waited = True
            time.sleep(self.seconds)
        return super().frame(chunk)


@breaks("S2/1", says="the first word came after", also="S2 S3 S4 N2 S14")
class ThinksBeforeItSpeaks(_LateWords):
    seconds = 2.4


@breaks("S3/1", says="a gap of 2", also="S2 S3 S4 N2 S15")
class PausesBeforeItsEnd(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        time.sleep(2.4)
        return super().end(fixed, reason, usage, apart)


@breaks("S6/2", says="model has 2 values", also="S6")
class NamesTheModelAtTheEnd(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end({**fixed, "model": "my-model"}, reason, usage, apart)


@breaks("S5/3", says="the prompt calls: content is null", also="S18")
class SendsNullContentBesideCalls(Plain):
    def chunk(self, fixed: Json, delta: Json) -> Json:
        return super().chunk(fixed, {"content": None, **delta} if "tool_calls" in delta else delta)


@breaks("S8/3", says="with include_usage a stream has 2 usages")
class CountsBothWaysIfAsked(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        if apart:
            choice = {"index": 0, "delta": {}, "finish_reason": reason}
            yield self.frame({**fixed, "choices": [choice], "usage": usage})
            yield self.frame({**fixed, "choices": [], "usage": usage})
            yield b"data: [DONE]\n\n"
        else:
            yield from super().end(fixed, reason, usage, apart)


@breaks("S8/5", says="include_usage: false a stream has 0 usages")
class DoesNotCountIfDeclined(Remembering):
    def check(self, asked: Json) -> None:
        super().check(asked)
        self.here.declined = (asked.get("stream_options") or {}).get("include_usage") is False

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        for data in super().end(fixed, reason, usage, apart):
            if getattr(self.here, "declined", False) and data.startswith(b"data: {"):
                chunk = json.loads(data[6:])
                del chunk["usage"]
                yield self.frame(chunk)
            else:
                yield data


@breaks("S8/6", says="not an integer", also="U1 U3")
class StreamsHalfTokens(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, reason, {**usage, "total_tokens": float(usage["total_tokens"])}, apart)


@breaks("S9/2", says="the type in the first fragment of a call is not function", also="W2")
class LeavesOutTheType(Plain):
    def fragment(self, piece: Json) -> Json:
        return {name: value for name, value in piece.items() if name != "type"}


@breaks("S9/5", says="the finish reason is \\['stop'\\]", also="R7")
class StopsAfterCalls(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, "stop" if reason == "tool_calls" else reason, usage, apart)


@breaks("S10/2", says="no tool call was sent", also="W3")
class KeepsTheReasonOfDroppedCalls(Remembering):
    def check(self, asked: Json) -> None:
        super().check(asked)
        self.here.unknown = "rm_rf" in str(asked["messages"])

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, "tool_calls" if self.here.unknown else reason, usage, apart)


@breaks("S11/2", says="beyond ASCII")
class EscapesNoArguments(Plain):
    def frame(self, chunk: Json) -> bytes:
        calls = any("tool_calls" in choice["delta"] for choice in chunk["choices"])
        return b"data: " + json.dumps(chunk, ensure_ascii=not calls).encode() + b"\n\n"


@breaks("S11/3", says="U\\+2028 of the model's text was lost")
class DropsSeparators(Plain):
    def frame(self, chunk: Json) -> bytes:
        return super().frame(chunk).replace(rb"\u2028", b" ")
