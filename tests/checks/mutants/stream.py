"""Mutants for section 4 of the contract, the form of the stream. Each breaks the clause that its decorator names."""

import json
import threading
import time
from collections.abc import Iterator, Mapping

from ..plain_server import Json, Plain
from .bases import Attentive, Remembering
from .registry import BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks


@breaks("S1/1", says="no role")
class StartsWithoutARole(Plain):
    def first_delta(self) -> Json | None:
        return None


@breaks("S1/2", origin=BLIND)
class SendsItsRoleLate(Plain):
    """S1: the role is sent at once, but this server waits for 1.2 s first."""

    def first_delta(self) -> Json | None:
        time.sleep(1.2)
        return super().first_delta()


@breaks("S1/1", origin=FROM_THE_CONTRACT_ALONE)
class WordsBeforeTheRole(Plain):
    """S1: "First chunk: the role", but this server sends a progress note before it."""

    def frame(self, chunk: Json) -> bytes:
        data = super().frame(chunk)
        if any("role" in choice["delta"] for choice in chunk["choices"]):
            data = super().frame(self.chunk(chunk, {"reasoning_content": "Reading the request. "})) + data
        return data


@breaks("S2/2", "S3/2", "S4/1", says="first word came|a gap of|no word was sent for", also="S14")
class IsSilentWhileItWaits(Plain):
    ping_seconds = 1e9
    words_seconds = 1e9

    def words(self) -> Json | None:
        return None


@breaks("S2/2", "S4/1", says="first word came|no word was sent for")
class OnlyPings(Plain):
    def words(self) -> Json | None:
        return None


@breaks("S2/2", "S4/1", origin=OF_THE_CONTRACT)
class SaysNothingOften(Plain):
    """S2 and S4: an empty delta does not count as a word; this server's progress notes are empty."""

    def words(self) -> Json | None:
        return {"reasoning_content": ""}


@breaks("S3/2", says="a gap of (2.9|3)", also="S4")
class PingsEveryThreeSeconds(Plain):
    ping_seconds = 3.0
    words_seconds = 3.0


@breaks("S3/3", also="S4", origin=OF_THE_CONTRACT)
class RestsAfterItsFirstWord(Remembering):
    """S3: no gap is longer than 2 s, but this server sends nothing during silences after the first word."""

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


@breaks("S3/3", origin=FROM_THE_CONTRACT_ALONE)
class PingsStopAtTheFirstToken(Attentive):
    """S3: "Never more than 2 s between any two SSE events", but this server stops its pings at the first `content`.

    In a silence after that, it sends only a progress note every 3 s.
    """

    words_seconds = 3.0

    def ping(self) -> bytes:
        return b"" if self.answering else super().ping()


@breaks("S4/1", origin=OF_THE_CONTRACT)
class PrintsDots(Plain):
    """S4: progress is told in words, but this server sends only dots."""

    def words(self) -> Json | None:
        return {"reasoning_content": "."}


@breaks("S4/1", origin=FROM_THE_CONTRACT_ALONE)
class PingsOnlyOnceTheAnswerBegan(Attentive):
    """S4: "progress in words, not only pings", but after the first `content`, this server sends only pings."""

    def words(self) -> Json | None:
        return None if self.answering else super().words()


@breaks("S5/1", says="usage is null")
class SendsUsageNull(Plain):
    def chunk(self, fixed: Json, delta: Json) -> Json:
        return {**super().chunk(fixed, delta), "usage": None}


@breaks("S5/3", says="content is null", also="S18")
class SendsContentNull(Plain):
    def chunk(self, fixed: Json, delta: Json) -> Json:
        return super().chunk(fixed, {"content": None, **delta})


@breaks("S5/3", also="S18", origin=OF_THE_CONTRACT)
class SendsTheOtherNulls(Plain):
    """S5: no field of a chunk is null, but this server sends `tool_calls: null`."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        return super().chunk(fixed, {"tool_calls": None, **delta})


@breaks("S5/2", says="usage is null", origin=FROM_THE_CONTRACT_ALONE)
class NullUsageBeforeTheUsageChunk(Plain):
    """S5: "never `usage: null`", but with `include_usage`, this server's finish chunk has it, like OpenAI's."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        if not apart:
            yield from super().end(fixed, reason, usage, apart)
            return
        choice = {"index": 0, "delta": {}, "finish_reason": reason}
        yield self.frame({**fixed, "choices": [choice], "usage": None})
        yield self.frame({**fixed, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


@breaks("S6/3", says="created has")
class SetsCreatedPerChunk(Plain):
    chunks = 0

    def chunk(self, fixed: Json, delta: Json) -> Json:
        self.chunks += 1
        return super().chunk({**fixed, "created": self.chunks}, delta)


@breaks("S6/4", says="model is not the one in the request")
class StreamsUnderItsOwnName(Plain):
    def frame(self, chunk: Json) -> bytes:
        return super().frame({**chunk, "model": "my-competitor"})


@breaks("S6/1", origin=BLIND)
class ChangesItsIdAtTheEnd(Plain):
    """S6: all chunks have the same id, but this server changes it in the last one."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield from super().end({**fixed, "id": f"{fixed['id']}-end"}, reason, usage, apart)


@breaks("S6/3", says="created has", origin=FROM_THE_CONTRACT_ALONE)
class CreatedWhenEachChunkWas(Plain):
    """S6: "Same `id`, `model`, `created` in all chunks", but this server gives each chunk its own time."""

    def frame(self, chunk: Json) -> bytes:
        return super().frame({**chunk, "created": int(time.time())})


@breaks("S7/1", says="2 chunks", also="S8 S9 S13")
class FinishesTwice(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield from super().end(fixed, reason, usage, apart)


@breaks("S7/1", "S13/1", says="0 chunks|0 finish", also="S8 S9")
class NeverFinishes(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [], "usage": usage})
        yield b"data: [DONE]\n\n"


@breaks("S7/1", also="S8 S9 S13", origin=BLIND)
class FinishesTwice(Plain):  # type: ignore[no-redef]  # noqa: F811 - two people had the same idea
    """S7: exactly one chunk has a finish_reason, but this server sends two."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield from super().end(fixed, reason, usage, apart)


@breaks("S7/1", also="S9 S13", origin=OF_THE_CONTRACT)
class GivesAnEmptyReasonEachTime(Plain):
    """S7: exactly one chunk has a finish_reason, but in this server's other chunks it is an empty string."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        return {**fixed, "choices": [{"index": 0, "delta": delta, "finish_reason": ""}]}


@breaks("S7/1", also="S13 S8", origin=FROM_THE_CONTRACT_ALONE)
class FailureTextFinishesToo(Plain):
    """S7: "Exactly one chunk with a `finish_reason`", but this server adds one to the chunk that reports a failure."""

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


@breaks("S8/1", says="2 usages", also="S13")
class CountsTwice(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        yield self.frame({**fixed, "choices": [], "usage": usage})
        yield from super().end(fixed, reason, usage, apart)


@breaks("S8/1", says="0 usages", also="S13 U1")
class CountsOnlyWhenAsked(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        for data in super().end(fixed, reason, usage, True):
            if apart or b'"choices": []' not in data:
                yield data


@breaks("S8/1", also="S13", origin=BLIND)
class CountsInEveryChunk(Plain):
    """S8: the usage is sent exactly once, but this server sends it in every chunk."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        counts = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return {**super().chunk(fixed, delta), "usage": counts}


@breaks("S8/2", origin=OF_THE_CONTRACT)
class CountsApartAlways(Plain):
    """S8: without include_usage, the finish chunk has the usage, but this server always sends a separate chunk."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, reason, usage, True)


@breaks("S8/4", origin=OF_THE_CONTRACT)
class NeverCountsApart(Plain):
    """S8: with include_usage, a separate chunk has the usage, but this server never sends one."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, reason, usage, False)


@breaks("S8/4", origin=FROM_THE_CONTRACT_ALONE)
class UsageChunkKeepsAChoice(Plain):
    """S8: the separate usage chunk has `choices: []`, but this server sends a choice in it."""

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        if not apart:
            yield from super().end(fixed, reason, usage, apart)
            return
        yield self.frame({**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield self.frame({**self.chunk(fixed, {}), "usage": usage})
        yield b"data: [DONE]\n\n"


@breaks("S9/3", says="repeats the name")
class RepeatsTheName(Plain):
    def fragment(self, piece: Json) -> Json:
        return {**piece, "function": {"name": "", **piece["function"]}}


@breaks("S9/1", says="no integer index")
class ForgetsTheIndex(Plain):
    def chunk(self, fixed: Json, delta: Json) -> Json:
        pieces = [
            {name: value for name, value in piece.items() if name != "index"} for piece in delta.get("tool_calls", ())
        ]
        return super().chunk(fixed, {**delta, "tool_calls": pieces} if pieces else delta)


@breaks("S9/4", says="add up to JSON", also="R7")
class LosesAFragment(Plain):
    def fragment(self, piece: Json) -> Json:
        return {
            **piece,
            "function": {**piece["function"], "arguments": piece["function"]["arguments"].replace("}", "")},
        }


@breaks("S9/1", origin=BLIND)
class NumbersItsCallsInWords(Plain):
    """S9: the index of a fragment is an integer, but this server sends a string."""

    def fragment(self, piece: Json) -> Json:
        return {**piece, "index": str(piece["index"])}


@breaks("S9/3", origin=OF_THE_CONTRACT)
class RepeatsTheType(Plain):
    """S9: only a call's first fragment has the type, but this server repeats it."""

    def fragment(self, piece: Json) -> Json:
        return {**piece, "type": "function"}


@breaks("S9/3", origin=FROM_THE_CONTRACT_ALONE)
class TypeInEveryFragment(Plain):
    """S9: only a call's first fragment has a `type`, but this server sends it in every fragment."""

    def fragment(self, piece: Json) -> Json:
        return {**super().fragment(piece), "type": "function"}


@breaks("S10/1", says="rm_rf")
class PassesEveryCallOn(Plain):
    def allowed_call(self, name: str, asked: Json) -> bool:
        return True


@breaks("S10/1", origin=OF_THE_CONTRACT)
class ShowsItsOwnToolsAsCalls(Plain):
    """S10: the competitor's own tools are not sent as tool calls, but this server sends them."""

    def events(self, start: Json, end: Json) -> list[Json]:
        call = {"index": 0, "id": "t1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
        first, *others = super().events(start, end)
        return [first, {"tool_calls": [call]}, *others]


@breaks("S11/1", says="beyond ASCII")
class WritesRawUnicode(Plain):
    def frame(self, chunk: Json) -> bytes:
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


@breaks("S11/1", origin=BLIND)
class WritesLettersAsTheyAre(Plain):
    """S11: JSON is escaped to ASCII, but this server escapes nothing."""

    def frame(self, chunk: Json) -> bytes:
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


@breaks("S11/1", origin=OF_THE_CONTRACT)
class ForgetsTheThirdLineEnd(Plain):
    """S11: U+0085 is escaped like U+2028 and U+2029, which also end lines, but this server sends it raw."""

    def frame(self, chunk: Json) -> bytes:
        return super().frame(chunk).replace(rb"\u0085", "\x85".encode())


@breaks("S11/1", origin=FROM_THE_CONTRACT_ALONE)
class EscapesOnlyTheTwoSeparators(Plain):
    """S11: JSON is escaped to ASCII, but this server escapes only U+2028 and U+2029."""

    def frame(self, chunk: Json) -> bytes:
        text = json.dumps(chunk, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        return b"data: " + text.encode("utf-8", "backslashreplace") + b"\n\n"


@breaks("S12/1", says="event: chunk")
class NamesItsEvents(Plain):
    def frame(self, chunk: Json) -> bytes:
        return b"event: chunk\n" + super().frame(chunk)


@breaks("S12/2", says="no blank line")
class LeavesOutTheBlankLine(Plain):
    def frame(self, chunk: Json) -> bytes:
        return super().frame(chunk)[:-1]


@breaks(
    "S12/1",
    also="S1 S2 S4 S5 S6 S7 S8 S9 S10 S11 S13 S14 S15 S17 S18 U1 U2 N2 E7 A1 A2 A3 A4 A5 E1 R7 R8 R9 R10 S3 S12",
    origin=BLIND,
)
class FoldsItsData(Plain):
    """S12: the data of an event is one line, but this server sends several."""

    def frame(self, chunk: Json) -> bytes:
        lines = json.dumps(chunk, indent=1).encode().splitlines()
        return b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"


@breaks("S12/1", origin=OF_THE_CONTRACT)
class TellsWhenToComeBack(Plain):
    """S12: a stream has no retry lines, but this server sends one."""

    def frame(self, chunk: Json) -> bytes:
        is_first = any("role" in choice["delta"] for choice in chunk["choices"])
        return (b"retry: 3000\n" if is_first else b"") + super().frame(chunk)
