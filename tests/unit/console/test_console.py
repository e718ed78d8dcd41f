"""Tests the debug console (E5, E6): who may open it, what it stores or never stores, and that it delays no answer."""

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import Target, Upstream
from competitor.checks.clauses.stream import well_formed
from competitor.checks.sources.answers import refused
from competitor.checks.target import question
from competitor.core.console.console import Console
from competitor.core.console.guard import Guard
from competitor.core.console.storage import Shelf, new_number
from competitor.core.limits import MAX_RECORDS, MAX_RECORDS_BYTES
from competitor.core.request.schema import ChatRequest
from competitor.core.settings import Settings

from ..servers import SCRIPTED, Launch, Serve, linux_only, processes, upstream_of, wait_for

ON = {"JANUS_DEBUG": "true"}
PATHS = ("/debug", "/debug/", "/debug/requests", "/debug/requests/1", "/v1/debug/stream/some-id")
FIELDS = {"request_id", "timestamp", "type", "step", "message"}


@pytest.fixture(scope="module")
def console(upstream: Upstream, baked: Path) -> Iterator[Target]:
    launcher = processes.Launcher(cwd=baked)
    yield launcher({**upstream_of(upstream), **ON}, *SCRIPTED)
    launcher.close()


@pytest.fixture(scope="module")
def open_to_proxies(launch: Launch) -> Target:
    """A console with settings that allow access through proxies on loopback."""
    return launch({**ON, "JANUS_DEBUG_ALLOW": "127.0.0.0/8"}, *SCRIPTED)


def listed(target: Target) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = target.get("/debug/requests").json()["requests"]
    return found


def kept(target: Target, id: str) -> dict[str, Any]:
    """The console's record of a request, once the request has ended."""
    wait_for(lambda: any(head["request_id"] == id and head["state"] != "running" for head in listed(target)))
    number = next(head["number"] for head in listed(target) if head["request_id"] == id)
    found: dict[str, Any] = target.get(f"/debug/requests/{number}").json()
    return found


def test_off_it_is_like_any_path_that_does_not_exist(core: Target) -> None:
    unknown = core.get("/no-such-page")
    for path in PATHS:
        reply = core.get(path)
        assert (reply.status, reply.body) == (unknown.status, unknown.body), path


FILES = {"/debug": "text/html", "/debug/console.css": "text/css", "/debug/console.js": "text/javascript"}


def test_the_page_is_three_files_that_take_nothing_from_elsewhere(console: Target) -> None:
    reply = console.get("/debug")
    assert set(re.findall(r'(?:src|href)="(?!data:,")([^"]*)', reply.body.decode())) == FILES.keys() - {"/debug"}
    for path, kind in FILES.items():
        file = console.get(path)
        assert (file.status, file.headers["content-type"]) == (200, f"{kind}; charset=utf-8")
        assert "@import" not in file.text
        assert not re.search(r"\burl\(", file.text)
        assert "innerHTML" not in file.text, "models' texts must never be inserted as HTML markup"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "my.localhost", "127.0.0.1:80", "[::1]:8080", "10.1.2.3"]
)
def test_it_is_asked_for_by_names_and_addresses_of_this_machine(host: str, console: Target) -> None:
    assert console.get("/debug", {"host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["rebound.example", "localhost.example", "127.0.0.1.example", "127.0.0.1@evil", "notlocalhost", "a b", ""]
)
def test_a_name_that_was_pointed_here_is_refused(host: str, console: Target) -> None:
    """Prevents DNS rebinding: otherwise a site could point its own name at this server, and then read the console."""
    for path in (*FILES, "/debug/requests", "/debug/requests/1"):
        refused(console.get(path, {"host": host}))


@pytest.mark.parametrize(
    "header", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"]
)
def test_who_comes_through_a_proxy_is_not_this_machine(header: str, console: Target, open_to_proxies: Target) -> None:
    for value in ("127.0.0.1", "10.0.0.1", "for=127.0.0.1"):
        reply = console.get("/debug/requests", {header: value})
        assert reply.status == 403
        assert reply.json()["error"]["code"] == "not_allowed"
    reply = open_to_proxies.get("/debug", {header: "10.0.0.1"})
    assert reply.status == 200, "a proxy in a network of JANUS_DEBUG_ALLOW may open the console"


@pytest.mark.parametrize(
    ("peer", "may"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("172.17.0.1", True),
        ("::ffff:172.17.0.1", True),
        ("fd00::5", True),
        ("172.18.0.1", False),
        ("10.0.0.1", False),
        ("8.8.8.8", False),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_only_this_machine_and_the_networks_of_the_settings_may_look(peer: str, may: bool) -> None:
    guard = Guard([ip_network("172.17.0.0/16"), ip_network("fd00::/8")])
    assert (guard.reason(peer, {"host": "localhost"}) is None) == may


def test_a_stream_is_kept_with_every_event_that_was_sent(console: Target) -> None:
    asked = question("events", stream=True)
    stream = console.read_stream(asked, {"X-Request-Id": "kept-1"})
    well_formed(stream)
    found = kept(console, "kept-1")
    sent = [line for _, line in stream.lines if line]
    assert [
        json.loads(line[6:]) if line.startswith(b"data: {") else line.decode().removeprefix("data: ") for line in sent
    ] == [event for _, event, _ in found["events"]]
    assert [at for at, *_ in found["events"]] == sorted(at for at, *_ in found["events"])
    assert found["request"] == asked
    assert found["state"] == "ok"
    assert found["summary"]["finish_reason"] == "stop"
    assert not found["cut"]


def test_a_whole_answer_and_a_refusal_are_kept_too(console: Target) -> None:
    answer = console.post(question("events"), {"X-Request-Id": "kept-2"})
    assert kept(console, "kept-2")["response"] == answer.json()
    console.post({"model": "any", "messages": "none"}, {"X-Request-Id": "kept-3"})
    assert kept(console, "kept-3")["error"]["param"] == "messages"


def test_a_failure_is_kept_with_its_cause(console: Target) -> None:
    console.read_stream(question('mock{"die": 1}', stream=True), {"X-Request-Id": "kept-4"})
    assert kept(console, "kept-4")["state"] == "failed"
    assert kept(console, "kept-4")["summary"]["failure"] == "upstream broke_off"
    console.half_read(question('mock{"endless": true, "delay": 0.01}', stream=True, metadata={"n": "left"}))
    wait_for(lambda: listed(console)[0]["state"] == "client_gone")


def test_only_the_last_requests_are_kept(upstream: Upstream, launch: Launch) -> None:
    target = launch({**upstream_of(upstream), **ON}, *SCRIPTED)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: target.post(question()), range(MAX_RECORDS + 20)))
    target.post(question(), {"X-Request-Id": "the-last"})
    wait_for(lambda: listed(target)[0]["state"] == "ok")
    assert len(listed(target)) == target.get("/debug/requests").json()["most"] == MAX_RECORDS
    assert listed(target)[0]["request_id"] == "the-last"
    refused(target.get("/debug/requests/0000000000000000000-00000000"))


def test_the_folder_stays_within_its_size_and_names_are_no_paths(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "requests")
    noise = [f"{number:x}" for number in range(0, 2**62, 2**62 // 60_000)]
    for _ in range(40):
        shelf.put(new_number(), {"state": "ok"}, {"events": noise})
    assert sum(path.stat().st_size for path in (tmp_path / "requests").iterdir()) <= MAX_RECORDS_BYTES
    (tmp_path / "secret.head").write_text('{"state": "ok"}', encoding="utf-8")
    for number in ("../secret", "..%2fsecret", "/etc/passwd", "", "1"):
        assert shelf.get(number) is None


def test_a_request_whose_worker_died_is_lost(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "requests")
    shelf.put(new_number(), {"state": "running", "until": time.time() - 1})
    shelf.put(new_number(), {"state": "running", "until": time.time() + 60})
    assert [head["state"] for head in shelf.heads()] == ["running", "lost"]


SECRETS = {"JANUS_LLM_API_KEY": "canary-key-1", "SANDY_API_KEY": "canary-key-2"}


def pieces(text: str, field: str) -> str:
    """A prompt that makes the mock upstream send this text letter by letter."""
    deltas = [{"choices": [{"delta": {field: letter}}]} for letter in text]
    events = [f"data: {json.dumps(delta)}\n\n" for delta in (*deltas, {"choices": [{"finish_reason": "stop"}]})]
    return "mock" + json.dumps({"raw": [*events, "data: [DONE]\n\n"]})


@pytest.mark.parametrize("stream", [True, False])
def test_no_secret_is_kept_not_even_one_that_a_model_says(stream: bool, upstream: Upstream, launch: Launch) -> None:
    given = {**upstream_of(upstream), **ON, **SECRETS, "JANUS_TOKEN_HOSTS": "127.0.0.1"}
    target = launch(given, *SCRIPTED)
    prompts = [
        "canary-token canary-key-1 in a prompt",
        f"{'x' * 93} canary-key-1 {'y' * 300_000}",
        'mock{"status": 401}',
        'mock{"word": "canary-key-1 ", "tokens": 3}',
        'mock{"word": "canary-token ", "reasoning": 2}',
        pieces("canary-key-2", "content"),
        pieces("canary-token", "reasoning_content"),
        "raises_first",
    ]
    shown = ""
    for number, prompt in enumerate(prompts):
        asked = question(prompt, stream=stream, debug=True, chutes_access_token="canary-token")
        name = f"secret-{stream}-{number}"
        ask = target.read_stream if stream else target.post
        ask(asked, {"X-Request-Id": name, "X-Debug-Request-Id": name})
        found = kept(target, name)
        shown += json.dumps(found) + said(found) + repr(target.read_events(f"/v1/debug/stream/{name}", 60))
    target.post(question(chutes_access_token=["canary-token"], debug=True))
    shown += repr(target.get("/debug/requests"))
    for secret in (*SECRETS.values(), "canary-token", "x canary"):
        assert secret not in shown


def said(found: Mapping[str, Any]) -> str:
    """All pieces of a stored answer, joined."""
    deltas = [event["choices"][0]["delta"] for _, event, _ in found["events"] if isinstance(event, dict)]
    return " ".join("".join(delta.get(name) or "" for delta in deltas) for name in ("content", "reasoning_content"))


def test_a_request_with_debug_can_be_followed_in_plain_frames(console: Target) -> None:
    headers = {"X-Debug-Request-Id": "follow-1", "X-Correlation-ID": "together"}
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(console.read_events, "/v1/debug/stream/follow-1", 60)  # asked before there is a request
        time.sleep(0.2)
        console.read_stream(question("events", stream=True, debug=True), headers)
    stream = told.result()
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert all(line.startswith(b"data: {") for _, line in stream.lines if line)
    events = [event for _, event in stream.chunks]
    assert all(event.keys() >= FIELDS for event in events)
    assert {event["request_id"] for event in events} == {"follow-1"}
    assert {event["correlation_id"] for event in events} == {"together"}
    types = [event["type"] for event in events]
    assert types[0] == "request_received"
    assert types[-1] == "response_complete"
    assert types.count("tool_call_start") == 2
    assert types.count("tool_call_complete") == 3  # a sandbox is one of them
    assert {"sandbox_init", "agent_thinking"} <= set(types)
    assert {event["step"] for event in events} == {"REQ", "AGENT", "TOOLS", "SANDY", "SSE"}


def test_without_debug_in_the_request_nobody_can_follow_it(console: Target) -> None:
    console.post(question("events"), {"X-Request-Id": "unfollowed"})
    assert console.read_events("/v1/debug/stream/unfollowed", 0.5).data == []
    refused(console.get("/v1/debug/stream/no%20id"))


def test_an_id_that_comes_again_tells_of_the_later_request_alone(console: Target) -> None:
    for prompt in ("events", "hello"):
        console.post(question(prompt, debug=True), {"X-Debug-Request-Id": "again"})
    types = [event["type"] for _, event in console.read_events("/v1/debug/stream/again", 60).chunks]
    assert types.count("request_received") == types.count("response_complete") == 1
    assert "tool_call_start" not in types


def test_a_second_request_with_an_id_in_use_is_followed_under_another_id(console: Target) -> None:
    headers = {"X-Debug-Request-Id": "same"}
    slow, quick = question('mock{"wait": 2}', stream=True, debug=True), question("hello", debug=True)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(console.read_stream, slow, headers)
        wait_for(lambda: bool(console.read_events("/v1/debug/stream/same", 0.2).data))
        seconds = [console.post(quick, headers) for _ in range(2)]
    assert first.result().headers["x-debug-request-id"] == "same"
    assert [reply.headers["x-debug-request-id"] for reply in seconds] == ["same-2", "same-2"]  # free again in between
    for name in ("same", "same-2"):
        events = [event for _, event in console.read_events(f"/v1/debug/stream/{name}", 60).chunks]
        assert {event["request_id"] for event in events} == {name}
        assert [event["type"] for event in events][-1] == "response_complete"


def test_a_failed_request_ends_its_debug_stream_with_an_error(console: Target) -> None:
    console.post(question('mock{"status": 500, "headers": {"retry-after": "0"}}', debug=True), {"X-Request-Id": "bad"})
    last = console.read_events("/v1/debug/stream/bad", 60).chunks[-1][1]
    assert (last["type"], last["step"]) == ("error", "SSE")


def test_a_debug_stream_names_an_artifact_s_file(console: Target) -> None:
    console.post(question("artifact 1000 photo.png", debug=True), {"X-Request-Id": "made"})
    events = [event for _, event in console.read_events("/v1/debug/stream/made", 60).chunks]
    made = next(event for event in events if event["type"] == "artifact_generated")
    assert made["data"] == {"type": "image", "filename": "photo.png", "size_bytes": 1000}


def test_a_refused_request_ends_its_debug_stream(console: Target) -> None:
    console.post({"model": "any"}, {"X-Debug-Request-Id": "refused-1"})
    (only,) = [event for _, event in console.read_events("/v1/debug/stream/refused-1", 60).chunks]
    assert only["type"] == "error"
    assert "messages" in only["message"]


@linux_only
def test_two_workers_show_the_same_requests_and_either_can_follow_one(
    serve: Serve, upstream: Upstream, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    given = {**upstream_of(upstream), **ON, "JANUS_WORKERS": "2"}
    with serve(given, log=log) as (url, _):
        wait_for(lambda: log.read_text(encoding="utf-8").count("is listening") == 2)
        target = Target(url)
        with ThreadPoolExecutor(8) as pool:
            asked = question(debug=True)
            ids = [f"of-two-{number}" for number in range(24)]
            list(pool.map(lambda name: target.post(asked, {"X-Request-Id": name, "X-Debug-Request-Id": name}), ids))
        wait_for(lambda: [head["state"] for head in listed(target)] == ["ok"] * 24)
        shown = [{head["request_id"] for head in listed(target)} for _ in range(12)]
        assert all(each == set(ids) for each in shown)
        for name in ids[:12]:
            assert target.read_events(f"/v1/debug/stream/{name}", 60).chunks[-1][1]["type"] == "response_complete"


def test_whatever_becomes_of_the_folder_answers_go_on(serve: Serve, upstream: Upstream, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve({**upstream_of(upstream), **ON, "TMPDIR": str(tmp_path)}, log=log) as (url, _):
        target = Target(url)
        (folder,) = [path for path in tmp_path.glob("competitor-*") if (path / "requests").exists()]
        shutil.rmtree(folder)
        for _ in range(3):
            well_formed(target.read_stream(question(stream=True, debug=True)))
            assert target.post(question(debug=True)).status == 200
        assert listed(target) == []
    assert "the console could not keep a request" in log.read_text(encoding="utf-8")


def test_a_long_answer_is_cut_in_the_record_and_what_it_held_is_free_again(tmp_path: Path) -> None:
    console = Console(Settings.from_environment(ON), tmp_path)
    asked = ChatRequest.model_validate(question("long", stream=True))
    for ends in (True, False):
        recorder = console.recorder(asked, 1_000, "long", {})
        for _ in range(100):
            recorder.written(b"data: " + b"x" * 50_000 + b"\n\n")
        assert 0 < console.budget.held < 2 * 2**20
        if ends:
            console.keep(new_number(), {"state": "ok", "until": 0}, recorder)
        else:
            recorder.close()
    console.close()
    assert console.budget.held == 0
    (number,) = [head["number"] for head in console.shelf.heads() if head["state"] == "ok"]
    record = console.shelf.get(number)
    assert record is not None
    assert record["cut"]
    assert 10 < len(record["events"]) < 30
