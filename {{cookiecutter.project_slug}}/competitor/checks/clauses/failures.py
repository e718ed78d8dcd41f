"""Cases of S13 to S15 of CONTRACT.md: an upstream that fails, a client that leaves, and the caller's time limit."""
# Contract file: replaced by updates.

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..recording import at_once
from ..registry import Source, case, clause
from ..responses import NotShown, Reply, Stream, require, require_in_time
from ..sources.answers import FAULTS, answer_for, label, stream_for
from ..sources.upstream import marked
from ..target import Target, question
from .stream import check_completed, well_formed

CANCEL_SECONDS = 2.0
UPSTREAM_SECRET = "sk-secret"  # noqa: S105 # nosec B105 - in the stand-in's error texts
_STAND_IN_TOKENS = re.compile(r"tok\d+ ?")


def _failing(get: Callable[[Target, str], object]) -> Source:
    """A source: the answers to the prompts that make the upstream fail."""

    def source(target: Target) -> Iterator[tuple[str, object]]:
        names = [name for name in FAULTS if name in target.prompts]
        if not names:
            raise NotShown("no known prompt makes the server's upstream fail")
        for name in names:
            yield f"after {name!r}", get(target, name)

    return source


clause(
    "S13",
    "When the upstream fails in any way, the answer says what failed and ends properly.",
    remedy="Answer with status 200, say in the text what failed, and end with stop, usage and [DONE].",
)


@case("S13/1", _failing(stream_for))
def failures_in_good_form(stream: Stream) -> None:
    """When the upstream fails, the stream has status 200 and ends properly, with usage and [DONE]."""
    well_formed(stream)


@case("S13/2", _failing(stream_for))
def failures_stop(stream: Stream) -> None:
    """When the upstream fails, the finish_reason of the stream is stop."""
    require(stream.finish_reasons == ["stop"], f"the finish reason is {stream.finish_reasons}, not stop")


@case("S13/3", _failing(stream_for), remedy="Say in `content` that the upstream failed.")
def failures_in_words(stream: Stream) -> None:
    """When the upstream fails, the content of the stream says so."""
    said = _STAND_IN_TOKENS.sub("", stream.text)
    require(re.search(r"[^\W\d_]{2}", said), "the text does not say what failed")


@case("S13/4", _failing(stream_for), remedy="Do not send the upstream's own error text; write it into the log.")
def failures_without_secrets(stream: Stream) -> None:
    """When the upstream fails, the client does not get the upstream's error text, which may hold secrets."""
    require(stream.deltas, "the stream is empty")
    leaked = any(UPSTREAM_SECRET.encode() in line for _, line in stream.lines)
    require(not leaked, "the upstream's error text was sent to the client")


@case("S13/5", _failing(answer_for), remedy="Answer with status 200 and a text that says what failed.")
def failures_in_whole_answers(reply: Reply) -> None:
    """When the upstream fails, a non-streamed answer has status 200 and a text that says so."""
    require(reply.status == 200, f"a non-streamed answer has the status {reply.status}")
    require(reply.message.get("content"), "a non-streamed answer has no text")
    said = _STAND_IN_TOKENS.sub("", str(reply.message["content"]))
    require(re.search(r"[^\W\d_]{2}", said), "the text of a non-streamed answer does not say what failed")
    require(UPSTREAM_SECRET not in reply.text, "the upstream's error text was sent to the client")


@dataclass(frozen=True)
class _Left:
    """What the upstream did when the client left: whether it was asked, and whether its work was then ended."""

    asked: bool
    ended: bool


def _left(target: Target, *, streamed: bool) -> Iterator[tuple[str, _Left]]:
    for name in ("endless", "silence_first", "silence_long"):
        yield label(name), _left_during(target, name, streamed=streamed)


def _left_during(target: Target, name: str, *, streamed: bool) -> _Left:
    upstream = target.stand_in()
    prompt, mark = marked(target.prompt(name))

    def states() -> list[str]:
        return [each["state"] for each in upstream.requests_with(mark)]

    # A competitor may send text before it asks its upstream. Leave only after the upstream was asked.
    wait = partial(_in_time, states)
    if streamed and name == "endless":
        target.half_read(question(prompt, stream=True), then=wait)
    else:
        target.send_and_leave(question(prompt, stream=streamed), then=wait)
    return _Left(bool(states()), _in_time(lambda: "cut" in states()))


def _in_time(happens: Callable[[], object]) -> bool:
    """Returns whether something happens within CANCEL_SECONDS."""
    deadline = time.monotonic() + CANCEL_SECONDS
    while not happens():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _check_ended(left: _Left, how: str) -> None:
    require(left.asked, f"the upstream was not asked within {CANCEL_SECONDS:g} s")
    require(left.ended, f"{CANCEL_SECONDS:g} s after the client aborted {how}, the upstream still works on it")


clause(
    "S14",
    "When the client disconnects, the work at the upstream stops at once.",
    remedy="Watch from the start whether the client disconnects, and cancel the upstream call if it does.",
)


@case("S14/1", partial(_left, streamed=True), timed=True)
def aborted_stream(left: _Left) -> None:
    """When the client aborts a stream, the work at the upstream stops at once."""
    _check_ended(left, "a stream")


@case("S14/2", partial(_left, streamed=False), timed=True)
def aborted_whole_answer(left: _Left) -> None:
    """When the client aborts a request for a non-streamed answer, the work at the upstream stops at once."""
    _check_ended(left, "a non-streamed answer")


def _limited(target: Target, seconds: int) -> Target:
    limited = target.launched({"JANUS_TIMEOUT": str(seconds)} | target.upstream_variables)
    limited.timeout = max(limited.timeout, float(seconds))
    return limited


def _ends(*tries: tuple[int, str]) -> Source:
    """A source: streams with a time limit in seconds, for named prompts."""

    def source(target: Target) -> Iterator[tuple[str, Stream]]:
        prompts = [target.prompt(name) for _, name in tries]
        servers = [_limited(target, seconds) for seconds, _ in tries]
        asked = [question(prompt, stream=True) for prompt in prompts]
        streams = at_once([partial(limited.read_stream, body) for limited, body in zip(servers, asked, strict=True)])
        for (seconds, name), stream in zip(tries, streams, strict=True):
            yield f"with a time limit of {seconds} s, {label(name)}", stream

    return source


def _check_ends_by(stream: Stream, latest: float) -> None:
    check_completed(stream)
    require(stream.deltas, "the stream is empty")
    require_in_time(stream.seconds, latest, f"the answer took {stream.seconds:.1f} s")


clause(
    "S15",
    "The server ends an answer before the caller's time limit, even if the upstream never ends.",
    remedy="End the answer properly 10 s before JANUS_TIMEOUT (in seconds; 300 by default), or after half of it "
    "if that is later.",
)


@case("S15/1", _ends((6, "endless"), (6, "silence_long")))
def ends_in_time(stream: Stream) -> None:
    """A stream ends properly before the caller's time limit."""
    _check_ends_by(stream, 5.5)


@case("S15/2", _ends((20, "endless"), (20, "silence_long")))
def ends_ten_seconds_early(stream: Stream) -> None:
    """With a time limit of 20 s, a stream ends properly 10 s before it."""
    _check_ends_by(stream, 12.0)


def _whole_with_a_limit(target: Target) -> Iterator[tuple[str, tuple[Reply, float]]]:
    limited, prompt = _limited(target, 6), target.prompt("endless")
    began = time.monotonic()
    reply = limited.post(question(prompt))
    yield "with a time limit of 6 s", (reply, time.monotonic() - began)


@case("S15/3", _whole_with_a_limit)
def whole_answer_ends_in_time(answer: tuple[Reply, float]) -> None:
    """A non-streamed answer ends before the caller's time limit, with status 200 and a text."""
    reply, seconds = answer
    require(reply.status == 200, "a non-streamed answer did not end before the time limit")
    require_in_time(seconds, 5.5, "a non-streamed answer did not end before the time limit")
    require(reply.message.get("content"), "a non-streamed answer that ran out of time has no text")
