"""Checks of what an operator sees: E4 to E6 of CONTRACT.md, metrics and the debug console."""
# Contract file: replaced by updates.

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from ..registry import clause
from ..target import Json, NotShown, Stream, Target, question, require

# What a name must speak of, in any of these words, since the contract gives figures and no names.
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
    """The value of every sample in Prometheus' text, by its name and labels."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            sample = _SAMPLE.fullmatch(line)
            require(sample, f"GET /metrics has a line that is no sample: {line[:60]!r}")
            assert sample is not None
            try:
                found[line[: sample.end(2) - len(sample[2])].strip()] = float(sample[2])
            except ValueError:
                require(False, f"GET /metrics has a value that is no number: {line[:60]!r}")
    return found


def _names_figures(text: str, where: str) -> None:
    for figure, words in FIGURES.items():
        require(any(word in text.lower() for word in words), f"{where} says nothing of {figure}")


@clause("E4", severity="should", remedy="Serve GET /metrics in Prometheus' text, and as JSON when that is accepted.")
def metrics(target: Target) -> None:
    """GET /metrics has the figures, as Prometheus' text and as JSON, and they move."""
    reply = target.get("/metrics")
    require(reply.status == 200, f"GET /metrics answered {reply.status}")
    require(reply.headers.get("content-type", "").startswith("text/plain"), "GET /metrics is not text/plain")
    before = _samples(reply.body.decode("utf-8", "replace"))
    target.post(question("to be counted"))
    later = target.get("/metrics").body
    after = _samples(later.decode("utf-8", "replace"))
    _names_figures(" ".join(map(_name, after)) + " " + _labels(later), "GET /metrics")
    rose = any("request" in name and not _is_open(name) for name in map(_name, _risen(before, after)))
    require(rose, "a request went by, and no figure of requests in GET /metrics rose")
    shown = target.get("/metrics", {"accept": "application/json"})
    require("application/json" in shown.headers.get("content-type", ""), "asked for JSON, GET /metrics is not JSON")
    _names_figures(json.dumps(shown.json()), "GET /metrics as JSON")
    if target.launch is not None:
        _come_and_go(target)


def _come_and_go(target: Target) -> None:
    """On a server that nobody else asks: what is over is no longer in flight, and a failure was counted."""
    quiet = target.launched(target.upstream_variables, anew=True)
    fails = target.prompts.get("fails") if target.upstream else None
    before = _figures(quiet)
    quiet.post(question(fails or "to be counted"))
    deadline = time.monotonic() + WAIT_SECONDS
    while problem := _unsettled(before, _figures(quiet), failed=fails is not None):
        require(time.monotonic() < deadline, problem)
        time.sleep(0.05)


def _figures(target: Target) -> dict[str, float]:
    return _samples(target.get("/metrics").body.decode("utf-8", "replace"))


def _unsettled(before: dict[str, float], after: dict[str, float], *, failed: bool) -> str:
    """What the figures do not show yet of a request that is over; empty when they show it."""
    rose = _risen(before, after)
    if still := next(filter(_is_open, map(_name, rose)), None):
        return f"a request is over, and {still} still counts it"
    if failed and not any(word in head for head in rose for word in FIGURES["errors"]):
        return "an upstream failed, and no figure of errors in GET /metrics rose"
    return ""


def _risen(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """The samples that rose, by name and labels."""
    return [head.lower() for head, value in after.items() if value > before.get(head, 0)]


def _is_open(name: str) -> bool:
    """Whether the figure is of requests that are not over yet."""
    return "flight" in name or ("request" in name and any(word in name for word in ("active", "running", "open")))


def _name(head: str) -> str:
    return head.partition("{")[0]


def _labels(body: bytes) -> str:
    return " ".join(re.findall(_LABEL, body.decode("utf-8", "replace")))


@clause("E5", remedy="Answer 404 on /debug unless it was switched on; then serve loopback peers and check Host.")
def debug_is_off(target: Target) -> None:
    """GET /debug is a 404 unless switched on, and then it is for this machine and its names."""
    for path in ("/debug", "/debug/"):
        reply = target.get(path)
        require(reply.status == 404, f"GET {path} answered {reply.status}, though nobody switched it on")
    unknown = target.get("/no-such-page").status
    require(unknown == 404, f"an unknown path answers {unknown}, so /debug shows that it exists")
    if target.launch is None:
        return
    on = switched_on(target)
    if on.get("/debug").status == 200:
        for host in ("rebound.example", "localhost.rebound.example", "127.0.0.1.rebound.example"):
            foreign = on.get("/debug", {"host": host}).status
            require(foreign >= 400, f"GET /debug with the Host {host} answered {foreign}")


@clause("E6", severity="should", remedy="Send a debugged request's events at /v1/debug/stream/{id}, as data: frames.")
def debug_stream(target: Target) -> None:
    """GET /v1/debug/stream/{id} tells of a request with debug: true, in plain frames; 404 while debug is off."""
    unseen = target.get("/v1/debug/stream/check-e6").status
    require(unseen == 404, f"GET /v1/debug/stream/... answered {unseen}, though debug is off")
    if target.launch is None:
        raise NotShown("it cannot be started with debug on from here")
    on = switched_on(target)
    asked_as, told = debugged(on, question("What is 17 * 23?", stream=True, debug=True))
    require(told.status == 200, f"GET /v1/debug/stream/{{id}} answered {told.status}, with debug on")
    require(told.data, "the debug stream of a request tells nothing")
    for _, line in told.lines:
        require(not line or line.startswith((b"data: ", b":")), f"the debug stream has a line {line[:30]!r}")
    events = [event for _, event in told.chunks]
    for event in events:
        for name in DEBUG_FIELDS:
            require(event.get(name) not in (None, ""), f"an event of the debug stream has no {name}")
        require(event["request_id"] == asked_as, "an event of the debug stream has the id of another request")


def switched_on(target: Target) -> Target:
    """One with debug on. Its upstream, where that is one of ours, has a URL with the platform in its path only."""
    upstream = {"JANUS_LLM_BASE_URL": f"{target.upstream.url}/llm.chutes.ai/v1"} if target.upstream else {}
    return target.launched({"DEBUG": "true", "JANUS_DEBUG": "true", **upstream})


def debugged(on: Target, asked: Json) -> tuple[str, Stream]:
    """A request to a server whose debug is on: under which id it was asked, and what its debug stream told."""
    asked_as = f"check-{uuid.uuid4().hex[:12]}"
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(on.read_stream, asked, {"X-Debug-Request-Id": asked_as})
        told = _debug_stream(on, asked_as)
        asking.result()
    return asked_as, told


def _debug_stream(target: Target, id: str) -> Stream:
    """The events of a request; who asks may be a moment earlier than the request itself."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        stream = target.read_events(f"/v1/debug/stream/{id}", WAIT_SECONDS)
        if stream.status != 404 or time.monotonic() > deadline:
            return stream
        time.sleep(0.05)
