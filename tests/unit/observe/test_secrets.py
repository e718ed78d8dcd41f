"""Tests that secrets never leak: twelve secrets, thirty requests with faults, and every place that text can reach."""

import base64
import json
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import Target, Upstream
from competitor.checks.target import question

from ...scripted import SCRIPTED
from ...template_path import UNBAKED, contract_tests

processes = contract_tests("processes")

OF_SETTINGS = (
    "JANUS_LLM_API_KEY",
    "OPENAI_API_KEY",
    "CHUTES_API_KEY",
    "SANDY_API_KEY",
    "JANUS_ARTIFACT_KEY",
    "JANUS_ARTIFACTS_SECRET_KEY",
    "OTEL_EXPORTER_OTLP_HEADERS",
)
OF_REQUESTS = ("chutes_access_token", "authorization", "cookie")
# Secrets from other sources: a key that an upstream quotes, a proxy's password in the environment.
OF_OTHERS = ("upstream", "HTTPS_PROXY")

FAULTS = (
    'mock{"status": 401}',
    'mock{"status": 429, "headers": {"retry-after": "0"}}',
    'mock{"status": 500}',
    'mock{"die": 1}',
    'mock{"close": 2}',
    'mock{"page": "<html>UPSTREAM</html>"}',
    'mock{"raw": ["data: {\\"error\\": {\\"message\\": \\"bad key UPSTREAM\\"}}\\n\\n"]}',
    'mock{"raw": ["data: UPSTREAM\\n\\n"]}',
    "raises_first",
    "raises_secrets",
    "logs_secrets",
    "events",
    "artifact 300000 photo.png",
    "hello",
)
REFUSED: tuple[Any, ...] = (
    {"chutes_access_token": ["TOKEN"]},
    {"chutes_access_token": {"token": "TOKEN"}},
)


@dataclass
class Seen:
    """Every place that is searched, with its texts."""

    places: dict[str, list[bytes]] = field(default_factory=dict)

    def at(self, place: str, *texts: bytes | str) -> None:
        self.places.setdefault(place, []).extend(text.encode() if isinstance(text, str) else text for text in texts)

    def count(self, canaries: dict[str, str]) -> dict[tuple[str, str], int]:
        """Counts the secrets by place, including secrets in base64. Empty if none was found."""
        found = {}
        for place, texts in self.places.items():
            whole = b"\n".join(texts)
            for name, canary in canaries.items():
                plain = canary.encode()
                if times := whole.count(plain) + whole.count(base64.b64encode(plain).rstrip(b"=")[:-1]):
                    found[name, place] = times
        return found


@pytest.fixture(scope="module")
def canaries() -> dict[str, str]:
    made = {name: f"canary-{secrets.token_hex(12)}" for name in (*OF_SETTINGS, *OF_REQUESTS, *OF_OTHERS)}
    return {**made, "upstream": f"sk-{secrets.token_hex(16)}"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with processes.mock_upstream() as started:
        yield started


@pytest.fixture(scope="module")
def seen(canaries: dict[str, str], upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Sends thirty requests to a server with all features that could leak: DEBUG logs, the console, debug streams."""
    found, folder = Seen(), tmp_path_factory.mktemp("secrets")
    environment = {
        **{name: canaries[name] for name in OF_SETTINGS},
        "OTEL_EXPORTER_OTLP_HEADERS": f"tenant=1,api-key={canaries['OTEL_EXPORTER_OTLP_HEADERS']}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",  # nothing listens there, so the exporter logs errors
        "HTTPS_PROXY": f"http://user:{canaries['HTTPS_PROXY']}@127.0.0.1:9",
        "JANUS_LLM_BASE_URL": f"{upstream.url}/v1",
        "JANUS_TOKEN_HOSTS": "127.0.0.1",
        "JANUS_ARTIFACTS_ACCESS_KEY": "an-access-key",  # the secret key must not be alone
        "JANUS_DEBUG": "true",
        "LOG_LEVEL": "debug",
        "TMPDIR": str(folder),
    }
    for log_format in ("json", "text"):
        given, log = {**environment, "JANUS_LOG_FORMAT": log_format}, folder / f"log-{log_format}"
        with processes.competitor(given, *SCRIPTED, log=log, cwd=UNBAKED) as (url, _):
            asked = _ask_all(Target(url), canaries, found, stream=log_format == "json")
            _look_around(Target(url), asked, found)
            _read_files(folder, found)
        found.at("log", log.read_bytes())
    return found


def _ask_all(target: Target, canaries: dict[str, str], found: Seen, *, stream: bool) -> list[str]:
    """Sends a request for each fault and each refusal. Returns the ids of the requests."""
    ids = []
    headers = {"authorization": f"Bearer {canaries['authorization']}", "cookie": f"session={canaries['cookie']}"}
    for number, prompt in enumerate(FAULTS):
        # Every second request has no token, so that the configured key is sent to the upstream.
        token = {"chutes_access_token": canaries["chutes_access_token"]} if number % 2 else {}
        text = prompt.replace("UPSTREAM", canaries["upstream"])
        ids.append(name := f"secret-{stream}-{number}")
        sent = {**headers, "X-Request-Id": name, "X-Debug-Request-Id": name}
        ask = target.read_stream if stream else target.post
        found.at("answers", repr(ask(question(text, stream=stream, debug=True, **token), sent)))
    for number, field_ in enumerate(REFUSED):
        ids.append(name := f"refused-{stream}-{number}")
        text = json.dumps({**question(debug=True), **field_}).replace("TOKEN", canaries["chutes_access_token"])
        found.at("answers", repr(target.post(text.encode(), {**headers, "X-Debug-Request-Id": name})))
    return ids


def _look_around(target: Target, ids: list[str], found: Seen) -> None:
    for name in ids:
        found.at("/v1/debug/stream", repr(target.read_events(f"/v1/debug/stream/{name}", 10)))
    for path in ("/health", "/v1/models", "/openapi.json", "/no-such-page"):
        found.at("answers", repr(target.get(path)))
    found.at("/metrics", repr(target.get("/metrics")), repr(target.get("/metrics", {"accept": "application/json"})))
    listed = target.get("/debug/requests")
    found.at("/debug", repr(target.get("/debug")), listed.body)
    for head in listed.json()["requests"]:
        found.at("/debug", target.get(f"/debug/requests/{head['number']}").body)


def _read_files(folder: Path, found: Seen) -> None:
    """Reads all files that the server has written, decompressed if necessary."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("log-"):
            data = path.read_bytes()
            found.at("files", data, zlib.decompress(data) if path.suffix == ".rest" else b"")


def test_none_of_twelve_secrets_is_found_after_thirty_requests(seen: Seen, canaries: dict[str, str]) -> None:
    assert len(canaries) == 12
    assert len(seen.places["answers"]) >= 30
    assert seen.places.keys() == {"answers", "log", "/metrics", "/debug", "/v1/debug/stream", "files"}
    assert seen.count(canaries) == {}


def test_the_secrets_were_used_and_every_place_has_text(
    seen: Seen, canaries: dict[str, str], upstream: Upstream
) -> None:
    """Without this test, a leak could go unnoticed because nothing was searched."""
    keys = {request["headers"].get("authorization") for request in upstream.requests()}
    assert keys == {f"Bearer {canaries[name]}" for name in ("JANUS_LLM_API_KEY", "chutes_access_token")}
    text = {place: b"\n".join(texts) for place, texts in seen.places.items()}
    assert b"[secret]" in text["log"]
    assert b"asked with" in text["log"]
    assert b"mock failure" in text["log"]
    assert b"127.0.0.1:9" in text["log"] or b"port=9" in text["log"], "the exporter's complaint"
    assert b"upstream_refused_key" in text["/metrics"]
    assert text["/debug"].count(b'"request_cut"') == 2 * len(FAULTS)
    assert b"[secret]" in text["/debug"], "the prompt that quotes a key"
    ends = sum(text["/v1/debug/stream"].count(b'"type": "%b"' % kind) for kind in (b"response_complete", b"error"))
    assert ends == 2 * (len(FAULTS) + len(REFUSED))
    assert b"secret-True-1" in text["files"]


def test_a_secret_that_leaked_would_be_found(canaries: dict[str, str]) -> None:
    leaky = Seen()
    leaky.at("log", f"key={canaries['SANDY_API_KEY']}", base64.b64encode(canaries["cookie"].encode()))
    assert leaky.count(canaries) == {("SANDY_API_KEY", "log"): 1, ("cookie", "log"): 1}
