"""Cases of S16 of CONTRACT.md: bad input is refused before a stream starts."""
# Contract file: replaced by updates.

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from ..recording import at_once
from ..registry import case, clause
from ..responses import CHAT, Elsewhere, Failed, Json, Reply, judged_by, require
from ..sources.answers import CONCURRENT_REQUESTS, refused, require_good_answer
from ..target import Target, question

REFUSAL_STATUSES = (400, 413, 415)
NO_RESPONSE = 0


@dataclass(frozen=True)
class Refusal:
    """The reply to a bad body. `names` is what the error must name; `is_json` is whether the body is JSON at all."""

    what: str
    reply: Reply
    names: str | None
    is_json: bool
    is_refused_otherwise: bool = True  # whether the same is refused well if no stream is asked for

    @property
    def is_one(self) -> bool:
        """Whether the body was refused at all."""
        return 400 <= self.reply.status < 500

    @property
    def error(self) -> Json:
        """The error object. Raises `Elsewhere` if there is none as it should be."""
        judged_by("S16/1", self.is_one)
        try:
            return refused(self.reply, None, self.what)
        except Failed:
            raise Elsewhere("S16/2 judges this") from None


_CONTENT = b'{"model":"x","messages":[{"role":"user","content":"a"}]'
# Bodies that are no JSON, or that are JSON only for some readers.
NO_JSON: dict[str, bytes] = {
    "an empty body": b"",
    "a body that is not JSON": b"{model: x",
    "UTF-16": '{"model": "x"}'.encode("utf-16"),
    "NaN": _CONTENT + b',"temperature":NaN}',
    "Infinity": _CONTENT + b',"metadata":{"a":Infinity}}',
}
# JSON that no server should accept, each with what the error must name.
BAD_JSON: dict[str, tuple[bytes, str | None]] = {
    "a list": (b"[]", None),
    # A reader may ignore the mark (RFC 8259, section 8.1); then the messages are missing.
    "an empty object after a byte order mark": (b"\xef\xbb\xbf{}", None),
    "a string": (b'"hello"', None),
    "a number of 5000 digits": (b'{"model":"x","messages":[],"seed":' + b"9" * 5000 + b"}", None),
    "1e999": (_CONTENT + b',"temperature":1e999}', "temperature"),
    "half a surrogate pair": (b'{"model":"x","messages":[{"role":"user","content":"\\ud800"}]}', "messages[0].content"),
    "a depth of 100,000": (b"[" * 100_000, None),
    "a depth of 300 in a field": (b'{"model":"x","messages":' + b"[" * 300 + b"]" * 300 + b"}", "messages"),
    "no messages": (b'{"model":"x"}', "messages"),
    "messages of numbers": (b'{"model":"x","messages":[1,2]}', "messages[0]"),
    "a field of 1 MB": (b'{"model":"x","messages":"' + b"x" * 1_000_000 + b'"}', "messages"),
}
# Bad values of single fields, for requests that ask for a stream.
BAD_STREAMS: dict[str, Json] = {
    "a stream with a wrong temperature": {"temperature": "warm"},
    "a stream without messages": {"messages": []},
    "a stream with an unknown role": {"messages": [{"role": "robot", "content": "x"}]},
    "a stream with tools that are a string": {"tools": "all"},
}


def _refusals(target: Target, headers: dict[str, str] | None = None) -> Iterator[tuple[str, Refusal]]:
    """The replies to all bad bodies, which are sent only once."""
    require_good_answer(target)
    bodies = {what: (body, None) for what, body in NO_JSON.items()} | BAD_JSON
    sends = [partial(_reply, target, body, headers) for body, _ in bodies.values()]
    replies = target.once(["refusals", headers], lambda: at_once(sends, CONCURRENT_REQUESTS))
    for (what, (_, names)), reply in zip(bodies.items(), replies, strict=True):
        yield what, Refusal(what, reply, names, what not in NO_JSON)


def _reply(target: Target, body: bytes, headers: dict[str, str] | None) -> Reply:
    """The reply; one with the status 0 if there is none."""
    try:
        return target.post(body, headers)
    except Failed as failure:
        return Reply(NO_RESPONSE, {}, str(failure).encode(), target.request("POST", CHAT, headers, body))


def _refused_streams(target: Target) -> Iterator[tuple[str, Refusal]]:
    """The replies to bad bodies, and to bad values of fields, if a stream is asked for."""
    without = _refusals(target)
    for (_, other), (what, refusal) in zip(without, _refusals(target, {"accept": "text/event-stream"}), strict=True):
        yield what, replace(refusal, is_refused_otherwise=_is_well_refused(other.reply))
    for what, fields in BAD_STREAMS.items():
        sends = [partial(target.post, question(stream=streamed, **fields)) for streamed in (False, True)]
        whole, reply = at_once(sends)
        yield what, Refusal(what, reply, None, is_json=True, is_refused_otherwise=_is_well_refused(whole))


def _is_well_refused(reply: Reply) -> bool:
    try:
        return reply.status in REFUSAL_STATUSES and bool(refused(reply))
    except Failed:
        return False


clause(
    "S16",
    "Bad input gets a small 4xx response that names the field but does not echo the input; no upstream is asked.",
    remedy="Refuse bad input before the stream starts: 400, 413 or 415 with OpenAI's error object.",
)


@case("S16/1", _refusals)
def bad_input(refusal: Refusal) -> None:
    """Bad input gets the status 400, 413 or 415."""
    status = refusal.reply.status
    require(status != NO_RESPONSE, "it got no response")
    require(status in REFUSAL_STATUSES, f"it got {status}, not 400, 413 or 415")


@case("S16/2", _refusals)
def error_object(refusal: Refusal) -> None:
    """The refusal is small and has OpenAI's error object with message, type, param and code."""
    judged_by("S16/1", refusal.is_one)
    refused(refusal.reply, None, refusal.what)


@case("S16/3", _refusals, remedy="Name the bad field in the error's message.")
def names_the_field(refusal: Refusal) -> None:
    """The error message names the bad field, where the body is JSON."""
    message, names = str(refusal.error["message"]), refusal.names
    require(names is None or names in message, f"the error message does not name {names}")


@case("S16/4", _refusals, remedy="Do not repeat the input in the error.")
def no_echo(refusal: Refusal) -> None:
    """The refusal does not echo the input."""
    require("xxxxxxxx" not in json.dumps(refusal.error), "the refusal echoes the input")


@case("S16/5", _refused_streams, remedy="Refuse bad input with a 4xx and JSON also if `stream` is true.")
def bad_input_for_a_stream(refusal: Refusal) -> None:
    """Bad input gets a 4xx with an error object also if a stream is asked for, never a 200."""
    status = refusal.reply.status
    judged_by("S16/1 or S16/2", refusal.is_refused_otherwise)
    require(status in REFUSAL_STATUSES, f"it got {status}, not 400, 413 or 415")
    refused(refusal.reply, None, refusal.what)


@case("S16/6", _refusals, remedy="Say in the error message that the body is not JSON.")
def says_that_it_is_no_json(refusal: Refusal) -> None:
    """The error message for a body that is not JSON says so."""
    said = "json" in str(refusal.error["message"]).lower()
    require(refusal.is_json or said, "the error message does not say that it is not JSON")


OTHER_TYPES = {
    "content-type: text/plain": {"content-type": "text/plain"},
    "content-encoding: gzip": {"content-type": "application/json", "content-encoding": "gzip"},
}


def _other_types(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    for what, headers in OTHER_TYPES.items():
        yield what, target.post(target.encoded(question()), headers)


@case("S16/7", _other_types, remedy="Answer 415 if the content is not plain application/json.")
def other_types(reply: Reply) -> None:
    """A request of another content type, or with a content encoding, gets 415."""
    require(reply.status == 415, f"it got {reply.status}, not 415")
    refused(reply)


@dataclass(frozen=True)
class _Sent:
    """The reply to a bad body, and how many requests the upstream got for it."""

    reply: Reply
    requests: int


def _asked_upstream(target: Target) -> Iterator[tuple[str, _Sent]]:
    upstream = target.stand_in()
    require_good_answer(target)
    bodies = NO_JSON | {what: body for what, (body, _) in BAD_JSON.items()}
    bodies |= {what: target.encoded(question(stream=True, **fields)) for what, fields in BAD_STREAMS.items()}
    for what, body in bodies.items():
        before = upstream.asked
        reply = _reply(target, body, None)
        yield what, _Sent(reply, upstream.asked - before)


@case("S16/8", _asked_upstream, exclusive=True, remedy="Check a request before asking the upstream.")
def no_upstream(sent: _Sent) -> None:
    """A bad request does not reach the upstream."""
    require(sent.requests == 0, "it reached the upstream")
