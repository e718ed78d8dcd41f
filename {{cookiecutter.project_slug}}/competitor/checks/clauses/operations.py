"""Checks of E4 to E6 of CONTRACT.md: metrics, the debug console and the debug stream."""
# Contract file: replaced by updates.

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from ..registry import clause
from ..target import Json, NotShown, Stream, Target, question, require

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
WAIT_SECONDS = 2.0


def _samples(text: str) -> dict[str, float]:
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
    return found


def _check_figures_named(text: str, where: str) -> None:
    for figure, words in FIGURES.items():
        require(any(word in text.lower() for word in words), f"{where} has no figure for {figure}")


@clause("E4", severity="should", remedy="Serve /metrics as Prometheus text, or as JSON for `Accept: application/json`.")
def metrics(target: Target) -> None:
    """GET /metrics has all figures as Prometheus text and as JSON, and requests change them."""
    reply = target.get("/metrics")
    require(reply.status == 200, f"GET /metrics answered {reply.status}")
    kind = reply.headers.get("content-type", "")
    require(kind.startswith("text/plain"), "GET /metrics does not have the content type text/plain")
    before = _samples(reply.body.decode("utf-8", "replace"))
    target.post(question("to be counted"))
    later = target.get("/metrics").body
    after = _samples(later.decode("utf-8", "replace"))
    _check_figures_named(" ".join(map(_name, after)) + " " + _labels(later), "GET /metrics")
    names = map(_name, _increased(before, after))
    rose = any("request" in name and not _counts_requests_in_flight(name) for name in names)
    require(rose, "no count of requests in GET /metrics rose after a request")
    shown = target.get("/metrics", {"accept": "application/json"})
    kind = shown.headers.get("content-type", "")
    require("application/json" in kind, "with Accept: application/json, GET /metrics is not JSON")
    _check_figures_named(json.dumps(shown.json()), "GET /metrics as JSON")
    if target.launch is not None:
        _check_in_flight_and_errors(target)


def _check_in_flight_and_errors(target: Target) -> None:
    """Checks that a request that has ended is not counted as in flight, and that a failed one counts as an error."""
    separate = target.launched(target.upstream_variables, fresh=True)
    fails = target.prompts.get("fails") if target.upstream else None
    before = _read_samples(separate)
    separate.post(question(fails or "to be counted"))
    deadline = time.monotonic() + WAIT_SECONDS
    while problem := _problem_with_figures(before, _read_samples(separate), failed=fails is not None):
        require(time.monotonic() < deadline, problem)
        time.sleep(0.05)


def _read_samples(target: Target) -> dict[str, float]:
    return _samples(target.get("/metrics").body.decode("utf-8", "replace"))


def _problem_with_figures(before: dict[str, float], after: dict[str, float], *, failed: bool) -> str:
    """Returns what is still wrong in the figures after a request; empty if they are correct."""
    rose = _increased(before, after)
    if still := next(filter(_counts_requests_in_flight, map(_name, rose)), None):
        return f"a request has ended, but {still} still counts it as in flight"
    if failed and not any(word in head for head in rose for word in FIGURES["errors"]):
        return "the upstream failed, but no count of errors in GET /metrics rose"
    return ""


def _increased(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """The names, with labels, of the samples that have increased."""
    return [head.lower() for head, value in after.items() if value > before.get(head, 0)]


def _counts_requests_in_flight(name: str) -> bool:
    """Whether a metric with this name counts requests that are in flight."""
    return "flight" in name or ("request" in name and any(word in name for word in ("active", "running", "open")))


def _name(head: str) -> str:
    return head.partition("{")[0]


def _labels(body: bytes) -> str:
    return " ".join(re.findall(_LABEL, body.decode("utf-8", "replace")))


@clause("E5", remedy="Answer 404 on /debug while debug is off; if it is on, serve only allowed peers and check Host.")
def debug_is_off(target: Target) -> None:
    """GET /debug answers 404 while debug is off; while debug is on, GET /debug refuses a foreign Host."""
    for path in ("/debug", "/debug/"):
        reply = target.get(path)
        require(reply.status == 404, f"GET {path} answered {reply.status}, though debug is off")
    unknown = target.get("/no-such-page").status
    require(unknown == 404, f"an unknown path answers {unknown}, but /debug answers 404: the difference reveals /debug")
    if target.launch is None:
        return
    on = with_debug_on(target)
    if on.get("/debug").status == 200:
        for host in ("rebound.example", "localhost.rebound.example", "127.0.0.1.rebound.example"):
            foreign = on.get("/debug", {"host": host}).status
            require(foreign >= 400, f"GET /debug with the Host {host} answered {foreign}")


@clause(
    "E6",
    severity="should",
    remedy="Serve the events of a request with debug: true at /v1/debug/stream/{id}, as data: frames.",
)
def debug_stream(target: Target) -> None:
    """GET /v1/debug/stream/{id} sends a debugged request's events as data: frames. It answers 404 if debug is off."""
    unseen = target.get("/v1/debug/stream/check-e6").status
    require(unseen == 404, f"GET /v1/debug/stream/... answered {unseen}, though debug is off")
    if target.launch is None:
        raise NotShown("the server cannot be started with debug on, since no start command was given")
    on = with_debug_on(target)
    request_id, stream = read_debug_stream(on, question("What is 17 * 23?", stream=True, debug=True))
    require(stream.status == 200, f"GET /v1/debug/stream/{{id}} answered {stream.status}, though debug is on")
    require(stream.data, "the debug stream of a request has no event")
    for _, line in stream.lines:
        framed = not line or line.startswith((b"data: ", b":"))
        require(framed, f"the debug stream has a line that is neither data: nor a comment: {line[:30]!r}")
    for _, event in stream.chunks:
        for name in DEBUG_FIELDS:
            require(event.get(name) not in (None, ""), f"an event of the debug stream has no {name}")
        require(event["request_id"] == request_id, "an event of the debug stream has the id of another request")


def with_debug_on(target: Target) -> Target:
    """Starts a server of the same kind with debug on.

    If the server's upstream is the stand-in, this function writes the name of a platform host into the path of the
    upstream's URL. The server must not treat the stand-in as a host of the platform because of that path.
    """
    upstream = {"JANUS_LLM_BASE_URL": f"{target.upstream.url}/llm.chutes.ai/v1"} if target.upstream else {}
    return target.launched({"DEBUG": "true", "JANUS_DEBUG": "true", **upstream})


def read_debug_stream(on: Target, asked: Json) -> tuple[str, Stream]:
    """Sends a request to a server with debug on. Returns the debug id of the request and its debug stream."""
    request_id = f"check-{uuid.uuid4().hex[:12]}"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(on.read_stream, asked, {"X-Debug-Request-Id": request_id})
        events = _debug_stream(on, request_id)
        answer.result()
    return request_id, events


def _debug_stream(target: Target, id: str) -> Stream:
    """Reads the debug events of a request. Retries after a 404, because the server may not have that request yet."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        stream = target.read_events(f"/v1/debug/stream/{id}", WAIT_SECONDS)
        if stream.status != 404 or time.monotonic() > deadline:
            return stream
        time.sleep(0.05)
