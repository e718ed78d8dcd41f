"""Checks of section 4 of CONTRACT.md: the stream."""
# Contract file: replaced by updates.

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from ..registry import clause
from ..target import Failed, Json, NotShown, Stream, Target, Upstream, question, require
from .requests import WEATHER, refused
from .usage import check_usage
from .whole_response import REASONS

FIRST_WORD_SECONDS = 2.0
GAP_SECONDS = 2.0
MAX_SECONDS_WITHOUT_WORDS = 3.5  # S4 sets no limit; words every 3 s are enough
CANCEL_SECONDS = 2.0
WORD_FIELDS = ("reasoning_content", "content")
REFUSAL_STATUSES = (400, 413, 415)
JANUS_EVENT_NAMES = {"tool_start", "tool_end", "sandbox_start", "sandbox_end", "artifacts"}


def check_completed(stream: Stream, what: str = "the stream") -> None:
    """Requires status 200 and a complete stream. Checks that read the content of a stream call this first."""
    require(stream.status == 200, f"{what} has the status {stream.status}")
    require(not stream.cut, f"{what} was cut off ({stream.cut})")
    require(stream.done, f"{what} has no [DONE]")


def well_formed(stream: Stream, what: str = "the stream") -> None:
    """Requires what every stream must have, even if the upstream fails.

    That is status 200, one finish_reason, one usage, some text, and `[DONE]` as the last line.
    """
    require(stream.status == 200, f"{what} has the status {stream.status}")
    require(not stream.cut, f"{what} was cut off ({stream.cut})")
    require(stream.data and stream.data[-1][1] == b"[DONE]", f"{what} does not end with [DONE]")
    require(len(stream.data) == len(stream.chunks) + 1, f"{what} has [DONE] more than once")
    require(len(stream.finish_reasons) == 1, f"{what} has {len(stream.finish_reasons)} finish reasons")
    require(len(stream.usages) == 1, f"{what} has {len(stream.usages)} usages")
    said = stream.text or stream.reasoning or _tool_call_fragments(stream)
    require(said, f"{what} has neither text nor reasoning nor a tool call")


def _tool_call_fragments(stream: Stream) -> list[Json]:
    return [piece for _, delta in stream.deltas for piece in delta.get("tool_calls") or ()]


def _has_words(text: object) -> bool:
    """Returns whether a text has letters or digits, because dots or dashes alone do not tell a reader anything."""
    return isinstance(text, str) and any(map(str.isalnum, text))


def _streams_for(target: Target, names: Iterable[str]) -> dict[str, Stream]:
    """Returns the streams for a plain question and for each named prompt; skips names that the target does not know."""
    known = {name: target.stream(target.prompts[name]) for name in names if name in target.prompts}
    return {"a plain question": target.stream(), **known}


@clause("S1", remedy="Send a chunk with the role assistant first, as soon as the request is accepted.")
def role_first(target: Target) -> None:
    """The first chunk has the role and is sent at once."""
    for what, stream in _streams_for(target, ["silence_first"]).items():
        require(stream.deltas, f"{what}: the stream has no delta")
        at, delta = stream.deltas[0]
        require(delta.get("role") == "assistant", f"{what}: the first delta has no role")
        require(at < 1.0, f"{what}: the first chunk came after {at:.1f} s")
        require(stream.chunks[0][1].get("choices"), f"{what}: the first chunk has no choices")


@clause(
    "S2",
    remedy="Send a word of reasoning before the model's first token: ideally within 500 ms, always within 2 s.",
)
def first_word(target: Target) -> None:
    """The first content, reasoning or tool call comes within 2 s, even if the upstream is silent."""
    for what, stream in _streams_for(target, ["silence_first"]).items():
        at = stream.first_word
        require(at is not None, f"{what}: no first word came")
        require((at or 0) <= FIRST_WORD_SECONDS, f"{what}: the first word came after {at:.1f} s")


@clause("S3", remedy="Send a comment (`: ping`) about every second of silence.")
def no_gap(target: Target) -> None:
    """There are never more than 2 s between two events, even while the upstream is silent."""
    for what, stream in _streams_for(target, ["silence_first", "silence", "bursts"]).items():
        require(stream.largest_gap <= GAP_SECONDS, f"{what}: a gap of {stream.largest_gap:.1f} s")


@clause("S4", remedy="During a long step, say in reasoning_content every 2 s what is being done; pings are not enough.")
def progress_in_words(target: Target) -> None:
    """reasoning_content continues during a long silence of the upstream."""
    stream = target.stream(target.prompt("silence"))
    times = [at for at, delta in stream.deltas if any(map(_has_words, (delta.get(name) for name in WORD_FIELDS)))]
    gaps = [after - before for before, after in pairwise(times)]
    longest = max(gaps, default=0)
    spoken = gaps and longest <= MAX_SECONDS_WITHOUT_WORDS
    require(spoken, f"no word was sent for {longest:.1f} s while the upstream was silent")


@clause("S5", remedy="Omit a field instead of sending null; in particular, never send usage: null.")
def no_nulls(target: Target) -> None:
    """No field of a chunk is null, not even `usage`."""
    asked = {"a question with include_usage": target.stream(stream_options={"include_usage": True})}
    for what, stream in (asked | _streams_for(target, ["reasoning", "calls"])).items():
        for _, chunk in stream.chunks:
            require(chunk.get("usage", 0) is not None, f"{what}: usage is null")
            for choice in chunk.get("choices") or ():
                nulls = [name for name, value in choice.get("delta", {}).items() if value is None]
                require(not nulls, f"{what}: {', '.join(nulls)} is null")


@clause("S6", remedy="Choose id, model and created once for each stream.")
def same_envelope(target: Target) -> None:
    """All chunks of a stream have the same id, model and created."""
    for what, stream in _streams_for(target, ["silence"]).items():
        for name in ("id", "model", "created"):
            values = {json.dumps(chunk.get(name)) for _, chunk in stream.chunks}
            same = len(values) == 1 and "null" not in values
            require(same, f"{what}: {name} has {len(values)} values, or is missing")
        require(stream.chunks[0][1]["model"] == "any-name", f"{what}: the model is not the one in the request")


@clause("S7", remedy="Send a finish_reason in exactly one chunk.")
def one_finish(target: Target) -> None:
    """Exactly one chunk has a finish_reason."""
    for what, stream in _streams_for(target, ["odd_finish", "dies"]).items():
        require(len(stream.finish_reasons) == 1, f"{what}: {len(stream.finish_reasons)} chunks have a finish_reason")
        require(stream.finish_reasons[0] in REASONS, f"{what}: the finish_reason is {stream.finish_reasons[0]!r}")


@clause("S8", remedy="Send usage once: on the finish chunk or, if include_usage is set, in a chunk with `choices: []`.")
def one_usage(target: Target) -> None:
    """Every stream has its usage exactly once, in the right chunk."""
    plain = target.stream()
    require(len(plain.usages) == 1, f"a stream has {len(plain.usages)} usages")
    finish = next((chunk for _, chunk in plain.chunks if (chunk.get("choices") or [{}])[0].get("finish_reason")), {})
    require(finish.get("usage"), "the usage is not on the finish chunk")
    asked = target.stream(stream_options={"include_usage": True})
    require(len(asked.usages) == 1, f"with include_usage a stream has {len(asked.usages)} usages")
    last = asked.chunks[-1][1]
    alone = last.get("choices") == [] and last.get("usage")
    require(alone, "with include_usage the last chunk does not have choices [] and usage")
    for usage in (*plain.usages, *asked.usages):
        check_usage(usage)


@clause("S9", remedy="Send index in every fragment; id, type and name only in the first; arguments in string pieces.")
def tool_call_fragments(target: Target) -> None:
    """Tool calls are streamed in fragments whose arguments add up to JSON."""
    if "calls" in target.prompts:
        stream = target.stream(target.prompts["calls"], tools=[WEATHER])
    else:
        stream = target.stream("The weather in Paris, please.", tools=[WEATHER], tool_choice="required")
    pieces = _tool_call_fragments(stream)
    require(pieces, "no tool call was streamed")
    assembled: dict[int, str] = {}
    for piece in pieces:
        require(isinstance(piece.get("index"), int), "a fragment of a tool call has no integer index")
        index: int = piece["index"]
        function = piece.get("function") or {}
        require(isinstance(function.get("arguments", ""), str), "the arguments in a fragment are not a string")
        if index not in assembled:
            require(piece.get("id") and function.get("name"), "the first fragment of a call has no id or no name")
            require(piece.get("type") == "function", "the type in the first fragment of a call is not function")
        else:
            again = {"id", "type"} & set(piece) or "name" in function
            require(not again, "a later fragment of a call repeats the name, the id or the type")
        assembled[index] = assembled.get(index, "") + function.get("arguments", "")
    for arguments in assembled.values():
        try:
            require(isinstance(json.loads(arguments), dict), "the arguments of a call are not a JSON object")
        except ValueError:
            raise Failed("the arguments of a call do not add up to JSON") from None
    require(stream.finish_reasons == ["tool_calls"], f"the finish reason is {stream.finish_reasons}")


@clause("S10", remedy="Send tool_calls only for the client's tools; show your own tools as events and reasoning.")
def only_client_tools(target: Target) -> None:
    """The client gets tool calls only for tools that it offered."""
    known = [name for name in ("calls_unknown", "events") if name in target.prompts]
    for prompt in [target.prompts[name] for name in known] or [target.prompt("events")]:
        stream = target.stream(prompt, tools=[WEATHER])
        check_completed(stream)
        functions = [piece.get("function", {}) for piece in _tool_call_fragments(stream)]
        others = {function["name"] for function in functions if function.get("name")} - {"get_weather"}
        require(not others, f"the client got a call of {', '.join(others)}, which it did not offer")
        consistent = functions or stream.finish_reasons != ["tool_calls"]
        require(consistent, "the finish_reason is tool_calls, but no tool call was sent")


@clause("S11", remedy="Escape all non-ASCII characters in JSON, as json.dumps does by default.")
def ascii_json(target: Target) -> None:
    """The JSON is ASCII, and line separators in the text are not lost."""
    for what, stream in _streams_for(target, ["separators"]).items():
        ascii_only = all(line.isascii() for _, line in stream.lines)
        require(ascii_only, f"{what}: a line has unescaped characters beyond ASCII")
    if "separators" in target.prompts:
        text = target.stream(target.prompts["separators"]).text
        for mark in ("\u2028", "\u2029", "\u0085"):
            require(mark in text, f"U+{ord(mark):04X} of the model's text was lost")


@clause("S12", remedy="Send only `data:` fields and comments, each as a single line followed by a blank line.")
def plain_frames(target: Target) -> None:
    """A stream consists of one-line data: frames and comments."""
    for what, stream in _streams_for(target, ["silence", "separators"]).items():
        lines = [line for _, line in stream.lines]
        for line, following in zip(lines, [*lines[1:], b""], strict=True):
            framed = not line or line.startswith((b"data: ", b":"))
            require(framed, f"{what}: a line is neither data: nor a comment: {line[:30]!r}")
            require(not line or not following, f"{what}: no blank line after {line[:30]!r}")


FAULTS = ("dies", "dies_first", "closes", "busy", "fails", "html", "garbage", "error_in_stream", "empty")


@clause("S13", remedy="Answer with status 200, say in the text what failed, and end with stop, usage and [DONE].")
def failures_in_good_form(target: Target) -> None:
    """When the upstream fails in any way, the answer says what failed and ends properly."""
    known = [name for name in FAULTS if name in target.prompts]
    if not known:
        raise NotShown("no known prompt makes the server's upstream fail")
    for name in known:
        stream = target.stream(target.prompts[name])
        well_formed(stream, f"after {name!r} the stream")
        reasons = stream.finish_reasons
        require(reasons == ["stop"], f"after {name!r} the finish reason is {reasons}, not stop")
        require("model" in stream.text, f"after {name!r} the text does not say what failed")
        require("sk-secret" not in stream.text, f"after {name!r} the upstream's error text was sent to the client")
        whole = target.ask(target.prompts[name])
        require(whole.status == 200, f"after {name!r} a non-streamed answer has the status {whole.status}")
        require(whole.json()["choices"][0]["message"]["content"], f"after {name!r} a non-streamed answer has no text")


@clause(
    "S14",
    exclusive=True,
    remedy="Watch from the start whether the client disconnects, and cancel the upstream call if it does.",
)
def disconnect_cancels(target: Target) -> None:
    """When the client disconnects, the work at the upstream stops at once."""
    if target.upstream is None:
        raise NotShown("this check needs the stand-in upstream, which counts the requests that are cut off")
    for name in ("endless", "silence_first", "silence_long"):
        for streamed in (True, False):
            _check_upstream_work_stops(target, name, streamed=streamed)


def _check_upstream_work_stops(target: Target, name: str, *, streamed: bool) -> None:
    upstream = target.upstream
    assert upstream is not None
    before = upstream.stats()
    how = "a stream" if streamed else "a non-streamed answer"
    if streamed:
        # A competitor may send text before it asks its upstream. Leave only after the upstream was asked.
        target.half_read(question(target.prompt(name), stream=True), then=lambda: _wait(upstream, "open", before))
    else:
        target.send_and_leave(question(target.prompt(name)))
    cut = _wait(upstream, "cut", before)
    require(cut, f"{name!r}: {CANCEL_SECONDS:g} s after the client aborted {how}, the upstream still works on it")


def _wait(upstream: Upstream, count: str, before: Mapping[str, int]) -> bool:
    """Returns whether the upstream's figure `count` exceeds `before[count]` within CANCEL_SECONDS."""
    deadline = time.monotonic() + CANCEL_SECONDS
    while upstream.stats()[count] <= before[count]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@clause("S15", remedy="End the answer properly 10 s before JANUS_TIMEOUT.")
def ends_in_time(target: Target) -> None:
    """The server ends an answer before the caller's time limit, even if the upstream never ends."""
    prompts = {name: target.prompt(name) for name in ("endless", "silence_long")}
    quick, slow = (_limited(target, seconds) for seconds in (6, 20))
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(_check_ends_by, slow, "endless", prompts["endless"], 12.0)
        for name, prompt in prompts.items():
            _check_ends_by(quick, name, prompt, 5.5)
        began = time.monotonic()
        reply = quick.post(question(prompts["endless"]))
        in_time = reply.status == 200 and time.monotonic() - began < 5.5
        require(in_time, "a non-streamed answer did not end before the time limit")
        long.result()


def _limited(target: Target, seconds: int) -> Target:
    limited = target.launched({"JANUS_TIMEOUT": str(seconds)} | target.upstream_variables)
    limited.name, limited.timeout = f"with a time limit of {seconds} s", max(limited.timeout, seconds)
    return limited


def _check_ends_by(limited: Target, name: str, prompt: str, latest: float) -> None:
    stream = limited.read_stream(question(prompt, stream=True))
    check_completed(stream, f"{limited.name}, {name!r}")
    require(stream.seconds < latest, f"{limited.name}, the answer to {name!r} took {stream.seconds:.1f} s")


BAD_BODIES: list[tuple[str, bytes, str | None]] = [
    ("an empty body", b"", None),
    ("a body that is not JSON", b"{model: x", None),
    ("a list", b"[]", None),
    ("a string", b'"hello"', None),
    ("UTF-16", '{"model": "x"}'.encode("utf-16"), None),
    ("a byte order mark", b"\xef\xbb\xbf{}", None),
    ("NaN", b'{"model":"x","messages":[{"role":"user","content":"a"}],"temperature":NaN}', "temperature"),
    ("1e999", b'{"model":"x","messages":[{"role":"user","content":"a"}],"temperature":1e999}', "temperature"),
    ("Infinity", b'{"model":"x","messages":[{"role":"user","content":"a"}],"metadata":{"a":Infinity}}', "metadata"),
    ("half a surrogate pair", b'{"model":"x","messages":[{"role":"user","content":"\\ud800"}]}', "messages[0].content"),
    ("a number of 5000 digits", b'{"model":"x","messages":[],"seed":' + b"9" * 5000 + b"}", None),
    ("a depth of 100,000", b"[" * 100_000, None),
    ("a depth of 300 in a field", b'{"model":"x","messages":' + b"[" * 300 + b"]" * 300 + b"}", "messages"),
    ("no messages", b'{"model":"x"}', "messages"),
    ("messages of numbers", b'{"model":"x","messages":[1,2]}', "messages[0]"),
    ("a field of 1 MB", b'{"model":"x","messages":"' + b"x" * 1_000_000 + b'"}', "messages"),
]


@clause(
    "S16",
    exclusive=True,
    remedy="Refuse bad input before the stream starts: 400, 413 or 415 with OpenAI's error object.",
)
def bad_input(target: Target) -> None:
    """Bad input gets a small 4xx response that names the field but does not echo the input; no upstream is asked."""
    before = len(target.upstream.requests()) if target.upstream else 0
    for what, body, param in BAD_BODIES:
        reply = target.post(body)
        refused(reply, param, what)
        require(reply.status in REFUSAL_STATUSES, f"{what} got {reply.status}, not 400, 413 or 415")
        error = refused(target.post(body, {"accept": "text/event-stream"}), param, what)
        require(param is None or param in error["message"], f"the error message for {what} does not name {param}")
        require("xxxxxxxx" not in json.dumps(error), f"the refusal of {what} echoes the input")
    large = target.post(b'{"model":"x","messages":[{"role":"user","content":"' + b"x" * 11 * 2**20 + b'"}]}')
    refused(large, None, "a body of 11 MiB")
    require(large.status == 413, f"a body of 11 MiB got {large.status}, not 413")
    good = json.dumps(question()).encode()
    for headers in ({"content-type": "text/plain"}, {"content-type": "application/json", "content-encoding": "gzip"}):
        reply = target.post(good, headers)
        refused(reply, None, f"a request with {headers}")
        require(reply.status == 415, f"a request with {headers} got {reply.status}, not 415")
    if target.upstream is not None:
        require(len(target.upstream.requests()) == before, "a bad request reached the upstream")


@clause(
    "S17",
    remedy="Send {event, payload} in delta.janus with words in reasoning_content; send an end event with the same id "
    "for each start event.",
)
def janus_events(target: Target) -> None:
    """Each chunk with a Janus event has all fields and reasoning_content; each start event has an end event."""
    stream = target.stream(target.prompt("events"))
    check_completed(stream)
    events = [(delta["janus"], delta) for _, delta in stream.deltas if "janus" in delta]
    require(events, "no Janus event was sent")
    open_ids: dict[str, str] = {}
    for event, delta in events:
        kind, payload = event.get("event"), event.get("payload")
        require(kind in JANUS_EVENT_NAMES, f"the event {kind!r} is not one that the contract names")
        require(isinstance(payload, dict), f"{kind} has no payload")
        if kind == "artifacts":
            continue
        require(delta.get("reasoning_content"), f"the event {kind} comes without reasoning_content")
        for name in ("name", "status", "id"):
            require(isinstance(payload.get(name), str), f"{kind} has no {name}")
        what, _, which = kind.partition("_")
        if which == "start":
            open_ids[payload["id"]] = what
        else:
            require(open_ids.pop(payload["id"], None) == what, f"no start event has the id of this {kind}")
            require(isinstance(payload.get("duration_ms"), int | float), f"{kind} has no duration_ms")
    require(not open_ids, "a start event has no end event with its id")
