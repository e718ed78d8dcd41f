"""Cases of E4 to E6 of CONTRACT.md: metrics, the debug console and the debug stream."""
# Contract file: replaced by updates.

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from ..recording import at_once
from ..registry import case, clause
from ..responses import Json, NotShown, Reply, Stream, Untimed, judged_by, require
from ..sources.answers import require_good_answer
from ..target import Target, question

# For each figure that E4 requires, words of which /metrics must contain one: the contract prescribes no metric names.
FIGURES = {
    "requests": ("request",),
    "errors": ("error", "fail", "outcome"),
    "requests in flight": ("flight", "active", "running", "open"),
    "the time to the first token": ("ttft", "first"),
    "the largest gap": ("gap",),
    "tokens": ("token",),
    "artifacts": ("artifact",),
    "sandbox seconds": ("sandbox",),
}
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(?:{_LABEL}(?:,{_LABEL})*,?)?\}})? (\S+)(?: -?\d+)?")
DEBUG_FIELDS = ("request_id", "timestamp", "type", "step", "message")
DEBUG_TYPES = (
    "request_received", "routing_decision", "model_selection", "agent_thinking", "tool_call_start", "tool_call_result",
    "tool_call_complete", "sandbox_init", "file_created", "artifact_generated", "response_chunk", "response_complete",
    "error",
)  # fmt: skip
DEBUG_STEPS = ("REQ", "ROUTING", "FAST_LLM", "AGENT", "TOOLS", "SANDY", "SSE")
DEBUG_ON = {"DEBUG": "true", "JANUS_DEBUG": "true"}
FOREIGN_HOSTS = ("rebound.example", "localhost.rebound.example", "127.0.0.1.rebound.example")
WAIT_SECONDS = 2.0
READ_SECONDS = 8.0  # for the debug stream of a request, which ends with it
Samples = dict[str, float]


def _samples(text: str) -> Samples:
    """Parses Prometheus text. Maps the name and the labels of each sample, as written, to its value."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            sample = _SAMPLE.fullmatch(line)
            require(sample, f"GET /metrics has a line that is not a valid sample: {line[:60]!r}")
            assert sample is not None
            try:
                found[line[: sample.end(2) - len(sample[2])].strip()] = float(sample[2])
            except ValueError:
                require(False, f"GET /metrics has a value that is not a number: {line[:60]!r}")
    require(found, "GET /metrics has no sample")
    return found


def _name(head: str) -> str:
    return head.partition("{")[0]


def _increased(before: Samples, after: Samples) -> list[str]:
    """The names, with labels, of the samples that have increased."""
    return [head.lower() for head, value in after.items() if value > before.get(head, 0)]


def _counts_requests_in_flight(name: str) -> bool:
    """Whether a metric with this name counts requests that are in flight."""
    return "flight" in name or ("request" in name and any(word in name for word in ("active", "running", "open")))


clause(
    "E4",
    "GET /metrics has all figures as Prometheus text and as JSON, and requests change them.",
    severity="should",
    remedy="Serve /metrics as Prometheus text, or as JSON for `Accept: application/json`.",
)


def _metrics(target: Target) -> Iterator[tuple[str, Reply]]:
    yield "", target.get("/metrics")


def _metrics_as_json(target: Target) -> Iterator[tuple[str, Reply]]:
    yield "", target.get("/metrics", {"accept": "application/json"})


def _check_figures_named(text: str, where: str) -> None:
    for figure, words in FIGURES.items():
        require(any(word in text.lower() for word in words), f"{where} has no figure for {figure}")


@case("E4/1", _metrics)
def metrics(reply: Reply) -> None:
    """GET /metrics answers 200 with valid Prometheus text."""
    require(reply.status == 200, f"GET /metrics answered {reply.status}")
    kind = reply.headers.get("content-type", "")
    require(kind.startswith("text/plain"), "GET /metrics does not have the content type text/plain")
    _samples(reply.text)


@case("E4/2", _metrics)
def figures(reply: Reply) -> None:
    """GET /metrics has all figures that the contract names."""
    judged_by("E4/1", reply.status == 200)
    named = [*map(_name, _samples(reply.text)), *re.findall(_LABEL, reply.text)]
    _check_figures_named(" ".join(named), "GET /metrics")


@case("E4/3", _metrics_as_json)
def metrics_as_json(reply: Reply) -> None:
    """With `Accept: application/json`, GET /metrics has all figures as JSON."""
    judged_by("E4/1", reply.status != 404)
    require(reply.status == 200, f"GET /metrics answered {reply.status}")
    kind = reply.headers.get("content-type", "")
    require("application/json" in kind, "with Accept: application/json, GET /metrics is not JSON")
    _check_figures_named(json.dumps(reply.json()), "GET /metrics as JSON")


@dataclass(frozen=True)
class _Change:
    """The figures before a request and some time after it."""

    before: Samples
    after: Samples

    @property
    def names(self) -> list[str]:
        return [_name(head) for head in _increased(self.before, self.after)]


def _changed(
    target: Target, prompt: str, settled: Callable[[_Change], bool] = lambda change: bool(change.names)
) -> _Change:
    """Sends a request. Returns the figures before it, and after it once they are `settled` or WAIT_SECONDS passed."""
    return _changed_by(target, partial(target.post, question(prompt)), settled)


def _changed_by(target: Target, send: Callable[[], object], settled: Callable[[_Change], bool]) -> _Change:
    first = target.get("/metrics")
    judged_by("E4/1", first.status == 200)
    before = _samples(first.text)
    send()
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        change = _Change(before, _samples(target.get("/metrics").text))
        if settled(change) or time.monotonic() > deadline:
            return change
        time.sleep(0.05)


def _requests_rise(change: _Change) -> bool:
    return any("request" in name and not _counts_requests_in_flight(name) for name in change.names)


def _after_a_request(target: Target) -> Iterator[tuple[str, _Change]]:
    yield "", _changed(target, "to be counted", _requests_rise)


@case("E4/4", _after_a_request, remedy="Count every request.", timed=True)
def requests_counted(change: _Change) -> None:
    """A request raises a count of requests in GET /metrics."""
    require(_requests_rise(change), "no count of requests in GET /metrics rose after a request")


def _in_flight(change: _Change) -> str:
    return next(filter(_counts_requests_in_flight, change.names), "")


def _on_a_server_of_its_own(target: Target) -> Iterator[tuple[str, _Change]]:
    separate = target.launched(target.upstream_variables, fresh=True)
    fails = [target.prompts["fails"]] if target.upstream is not None and "fails" in target.prompts else []
    for prompt in ("to be counted", *fails):
        yield "", _changed(separate, prompt, _has_ended)
    if target.upstream is not None and "endless" in target.prompts:
        leave = partial(separate.half_read, question(target.prompts["endless"], stream=True))
        yield "after a client has gone away", _changed_by(separate, leave, _has_ended)


def _has_ended(change: _Change) -> bool:
    return bool(change.names) and not _in_flight(change)


@case("E4/5", _on_a_server_of_its_own, remedy="Count a request as in flight only until it has ended.", timed=True)
def in_flight_falls(change: _Change) -> None:
    """A request that has ended is not counted as in flight."""
    require(change.names, "no figure in GET /metrics rose after a request")
    still = _in_flight(change)
    require(not still, f"a request has ended, but {still} still counts it as in flight")


def _errors_rise(change: _Change) -> bool:
    return any(word in head for head in _increased(change.before, change.after) for word in FIGURES["errors"])


def _after_a_failure(target: Target) -> Iterator[tuple[str, _Change]]:
    target.stand_in()
    prompt = target.prompt("fails")
    separate = target.launched(target.upstream_variables, fresh=True)
    yield "", _changed(separate, prompt, _errors_rise)


@case("E4/6", _after_a_failure, remedy="Count a failed upstream as an error.", timed=True)
def errors_counted(change: _Change) -> None:
    """A failing upstream raises a count of errors in GET /metrics."""
    require(_errors_rise(change), "the upstream failed, but no count of errors in GET /metrics rose")


clause(
    "E5",
    "GET /debug answers 404 while debug is off; while debug is on, GET /debug refuses a foreign Host.",
    remedy="Answer 404 on /debug while debug is off; if it is on, serve only allowed peers and check Host.",
)


def _debug_while_off(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    for path in ("/debug", "/debug/"):
        yield f"GET {path}", target.get(path)


@case("E5/1", _debug_while_off)
def debug_is_off(reply: Reply) -> None:
    """GET /debug answers 404 while debug is off."""
    require(reply.status == 404, f"it answered {reply.status}, though debug is off")


def _unknown_path(target: Target) -> Iterator[tuple[str, tuple[Reply, Reply]]]:
    require_good_answer(target)
    yield "", (target.get("/debug"), target.get("/no-such-page"))


@case("E5/2", _unknown_path)
def debug_is_hidden(replies: tuple[Reply, Reply]) -> None:
    """While debug is off, GET /debug answers like an unknown path."""
    debug, unknown = (reply.status for reply in replies)
    said = f"an unknown path answers {unknown}, but /debug answers {debug}: the difference reveals /debug"
    require(debug == unknown, said)


def _foreign_hosts(target: Target) -> Iterator[tuple[str, Reply]]:
    on = with_debug_on(target)
    if (status := on.get("/debug").status) != 200:
        raise NotShown(f"with debug on, GET /debug answers {status}")
    for host in FOREIGN_HOSTS:
        yield f"GET /debug with the Host {host}", on.get("/debug", {"host": host})


@case("E5/3", _foreign_hosts, remedy="Refuse a Host that is not a name of this machine.")
def foreign_host(reply: Reply) -> None:
    """While debug is on, GET /debug refuses a foreign Host."""
    require(reply.status >= 400, f"it answered {reply.status}")


clause(
    "E6",
    "GET /v1/debug/stream/{id} sends a debugged request's events as data: frames. It answers 404 if debug is off.",
    severity="should",
    remedy="Serve the events of a request with debug: true at /v1/debug/stream/{id}, as data: frames.",
)


def _debug_stream_while_off(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    yield "", target.get("/v1/debug/stream/check-e6")


@case("E6/1", _debug_stream_while_off)
def debug_stream_is_off(reply: Reply) -> None:
    """GET /v1/debug/stream/{id} answers 404 while debug is off."""
    require(reply.status == 404, f"GET /v1/debug/stream/... answered {reply.status}, though debug is off")


@dataclass(frozen=True)
class _Debugged:
    """The debug stream of a request, and the request's debug id."""

    id: str
    stream: Stream

    @property
    def events(self) -> list[Json]:
        judged_by("E6/2", self.stream.status == 200)
        found = [event for _, event in self.stream.chunks]
        require(any(event.get("type") for event in found), "the debug stream of a request has no event")
        return found


def _debugged(target: Target, names: tuple[str, ...] = ("plain",)) -> Iterator[tuple[str, _Debugged]]:
    on = with_debug_on(target)
    for name in names:
        if name == "plain" or name in target.prompts:
            asked = question("What is 17 * 23?" if name == "plain" else target.prompts[name], stream=True, debug=True)
            yield "", _Debugged(*on.once(["debugged", name], partial(read_debug_stream, on, asked)))


@case("E6/2", _debugged, timed=True)
def debug_stream(debugged: _Debugged) -> None:
    """With debug on, GET /v1/debug/stream/{id} sends the events of a request that carried `"debug": true`."""
    if (status := debugged.stream.status) != 200:
        raise Untimed(f"GET /v1/debug/stream/{{id}} answered {status}, though debug is on")
    require(debugged.events, "the debug stream of a request has no event")


@case("E6/3", _debugged, timed=True)
def debug_frames(debugged: _Debugged) -> None:
    """The debug stream consists of `data:` frames and comments."""
    require(debugged.events, "the debug stream of a request has no event")
    for _, line in debugged.stream.lines:
        framed = not line or line.startswith((b"data: ", b":"))
        require(framed, f"the debug stream has a line that is neither data: nor a comment: {line[:30]!r}")


@case("E6/4", _debugged, timed=True)
def debug_fields(debugged: _Debugged) -> None:
    """Every event of the debug stream has its request_id, timestamp, type, step and message."""
    for event in debugged.events:
        for name in DEBUG_FIELDS:
            require(event.get(name) not in (None, ""), f"an event of the debug stream has no {name}")
        said = "an event of the debug stream has the id of another request"
        require(event["request_id"] == debugged.id, said)


@case(
    "E6/5",
    partial(_debugged, names=("plain", "events", "artifact")),
    remedy="Use the platform's types and steps.",
    timed=True,
)
def debug_words(debugged: _Debugged) -> None:
    """The type and the step of every debug event are words that the platform's flow view knows."""
    for event in debugged.events:
        for name, words in (("type", DEBUG_TYPES), ("step", DEBUG_STEPS)):
            value = str(event.get(name))
            require(value in words, f"the {name} {value[:40]!r} of a debug event is not one that the contract names")


def _debugged_artifact(target: Target) -> Iterator[tuple[str, list[Json]]]:
    target.prompt("artifact")
    for what, debugged in _debugged(target, ("artifact",)):
        named = [event for event in debugged.events if event.get("type") in ("artifact_generated", "file_created")]
        require(named, "the debug stream of a request that makes an artifact has no event for it")
        yield what, named


@case("E6/6", _debugged_artifact, remedy="Name the file in data.filename of the debug event.", timed=True)
def debug_filename(events: list[Json]) -> None:
    """The debug event of an artifact names its file in `data.filename`."""
    for event in events:
        data = event.get("data")
        found = isinstance(data, dict) and isinstance(data.get("filename"), str) and data["filename"]
        require(found, "the debug event of an artifact has no data.filename")


@dataclass(frozen=True)
class _SameId:
    """Two requests with the same debug id at the same time: the ids that their responses name, and the streams."""

    id: str
    named: list[str]
    second: Stream


def _same_id(target: Target) -> Iterator[tuple[str, _SameId]]:
    on = with_debug_on(target)
    _require_debug_stream(on)
    followed = f"check-{uuid.uuid4().hex[:12]}"
    prompt = target.prompts.get("silence_first", "Write a text of 100 words about rivers.")

    def ask() -> Stream:
        return on.read_stream(question(prompt, stream=True, debug=True), {"X-Debug-Request-Id": followed})

    def later() -> Stream:
        _debug_stream(on, followed, 0.5)  # the first request is known from here on
        return ask()

    def follow() -> Stream:
        return _debug_stream(on, f"{followed}-2")

    first, second, events = at_once([ask, later, follow])
    named = [stream.headers.get("x-debug-request-id", "") for stream in (first, second)]
    yield "", _SameId(followed, named, events)


@case(
    "E6/7", _same_id, remedy="Follow a second request with an id that is in use under `{id}-2`, and say so.", timed=True
)
def same_debug_id(seen: _SameId) -> None:
    """A second request with a debug id in use is followed under `{id}-2`, which X-Debug-Request-Id names."""
    require(seen.named[0] == seen.id, f"X-Debug-Request-Id of the first request is {seen.named[0][:40]!r}")
    second = f"{seen.id}-2"
    require(seen.named[1] == second, f"X-Debug-Request-Id of the second is {seen.named[1][:40]!r}, not {second!r}")
    require(seen.second.status == 200, f"GET /v1/debug/stream/{{id}}-2 answered {seen.second.status}")


def _debug_hosts(target: Target) -> Iterator[tuple[str, tuple[int, int]]]:
    _require_debug_stream(with_debug_on(target))
    on = target.launched({**DEBUG_ON, "JANUS_DEBUG_HOSTS": "gateway.internal", **target.upstream_variables})
    followed, _ = read_debug_stream(on, question("What is 17 * 23?", stream=True, debug=True))
    path = f"/v1/debug/stream/{followed}"
    for host, wanted in {"localhost": 200, "gateway.internal": 200, **dict.fromkeys(FOREIGN_HOSTS, 404)}.items():
        yield f"with the Host {host}", (on.read_events(path, WAIT_SECONDS, {"host": host}).status, wanted)


@case(
    "E6/8",
    _debug_hosts,
    remedy="Check the Host of the debug stream: local names, addresses and JANUS_DEBUG_HOSTS.",
    timed=True,
)
def debug_hosts(statuses: tuple[int, int]) -> None:
    """The debug stream is served to a local Host and to one in JANUS_DEBUG_HOSTS; a foreign Host gets 404."""
    status, wanted = statuses
    require(status == wanted, f"the debug stream answered {status}, not {wanted}")


def _require_debug_stream(on: Target) -> None:
    """Raises `Elsewhere` if the debug stream of a request cannot be read."""
    _, stream = read_debug_stream(on, question("What is 17 * 23?", stream=True, debug=True))
    judged_by("E6/2", stream.status == 200)


def with_debug_on(target: Target) -> Target:
    """Starts a server of the same kind with debug on.

    If the server's upstream is the stand-in, this function writes the name of a platform host into the path of the
    upstream's URL. The server must not treat the stand-in as a host of the platform because of that path.
    """
    variables: Mapping[str, str] = target.upstream_variables
    if target.upstream is not None:
        url = f"{target.upstream.url}/llm.chutes.ai/v1"
        variables = {name: url if name.endswith("_URL") else value for name, value in variables.items()}
    return target.launched({**DEBUG_ON, **variables})


def read_debug_stream(on: Target, asked: Json) -> tuple[str, Stream]:
    """Sends a request to a server with debug on. Returns the debug id of the request and its debug stream."""
    followed = f"check-{uuid.uuid4().hex[:12]}"
    ask = partial(on.read_stream, asked, {"X-Debug-Request-Id": followed})
    _, events = at_once([ask, partial(_debug_stream, on, followed)])
    return followed, events


def _debug_stream(target: Target, id: str, seconds: float = READ_SECONDS) -> Stream:
    """Reads the debug events of a request. Retries after a 404, because the server may not have that request yet."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        stream = target.read_events(f"/v1/debug/stream/{id}", seconds)
        if stream.status != 404 or time.monotonic() > deadline:
            return stream
        time.sleep(0.05)
