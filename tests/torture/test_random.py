"""Tests random requests: random JSON in every field, requests made from the OpenAPI description, and fuzzed bytes."""

import asyncio
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from competitor.checks import Upstream
from competitor.checks.responses import Reply
from competitor.checks.sources.answers import refused
from competitor.core.answer.backend import Backend
from competitor.core.chat import Chat
from competitor.core.events import Event, Text
from competitor.core.request.schema import ChatRequest
from competitor.core.server.app import create_app
from competitor.core.settings import Settings

from ..template_path import UNBAKED
from ..unit.model.test_upstream import DIALECTS
from ..unit.offline.test_budget import HOSTILE as COSTLY
from ..unit.outbound.test_egress import GOOD as GOOD_URLS
from ..unit.outbound.test_egress import HOSTILE as HOSTILE_URLS
from .conftest import Compete
from .raw_inputs import CHAT, GOOD, bodies, encodings, surrogates

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = sorted(ChatRequest.model_fields)
IN_MESSAGES = ("role", "content", "name", "tool_calls", "tool_call_id", "artifacts")
EXAMPLES = -(-10_000 // (len(FIELDS) + len(IN_MESSAGES)))


async def _echo(chat: Chat) -> AsyncIterator[Event]:
    yield Text(f"{len(chat.messages)} {chat.text[:50]}")


APP = create_app(Settings.from_environment({"JANUS_PACING": "off"}), Backend("random", _echo))


async def asked(body: bytes) -> Reply:
    """Calls the ASGI application as a server would. Returns its answer."""
    got: list[Any] = []
    parts = [{"type": "http.request", "body": body, "more_body": False}]
    headers = [(b"host", b"x"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": headers}

    async def receive() -> Any:
        return parts.pop() if parts else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        got.append(message)

    await APP({**scope, "raw_path": CHAT.encode(), "http_version": "1.1", "asgi": {"version": "3.0"}}, receive, send)
    whole = b"".join(message["body"] for message in got[1:])
    return Reply(got[0]["status"], {}, whole)


def answered(fields: dict[str, Any]) -> None:
    reply = asyncio.run(asked(json.dumps({**GOOD, **fields}).encode()))
    if reply.status != 200:
        refused(reply)


@pytest.mark.torture("A", "random requests without a 5xx")
@pytest.mark.parametrize("field", [*FIELDS, *(f"messages.{name}" for name in IN_MESSAGES)])
def test_any_json_in_any_field_is_answered_or_refused(
    field: str, whole: bool, record_property: Callable[[str, int], None]
) -> None:
    tried = 0

    @settings(max_examples=EXAMPLES if whole else 20, suppress_health_check=list(HealthCheck), database=None)
    @given(ANY)
    def every(value: Any) -> None:
        nonlocal tried
        tried += 1
        _, inside, name = field.rpartition("messages.")
        answered({"messages": [{"role": "user", "content": "x", name: value}]} if inside else {field: value})

    every()
    record_property("count", tried)


@pytest.mark.slow
@pytest.mark.torture("A", "requests from the app's own OpenAPI, without a 5xx")
def test_requests_from_the_app_s_own_openapi_get_no_5xx(
    backend: str, compete: Compete, upstream: Upstream, tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    """schemathesis makes valid and invalid requests for every route, and prints how many."""
    target = compete(backend, {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}).target
    tool = Path(sysconfig.get_path("scripts")) / "schemathesis"
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,unsupported_method"
    given = ("--checks", checks, "--max-examples", "60", "--phases", "examples,coverage,fuzzing", "--seed", "9")
    done = subprocess.run(
        [str(tool), "run", f"{target.url}/openapi.json", *given, "--no-color", "--continue-on-failure"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    (cases,) = re.findall(r"(\d[\d,]*) generated", done.stdout)
    record_property("count", int(cases.replace(",", "")))


def seeds(reader: str) -> list[bytes]:
    """The first inputs of the fuzzer, taken from the other tests."""
    if reader == "request":
        sent = (data for family in (encodings, surrogates, bodies) for _, data in family())
        return [json.dumps(GOOD).encode(), *(data.partition(b"\r\n\r\n")[2][:4096] for data in sent)]
    if reader == "offline":
        wanted = ({"model": "m", **fields} for fields in COSTLY.values())
        return [text.encode() for text in map(json.dumps, wanted) if len(text) <= 4096]
    if reader == "stream":
        pieces = (piece for script, _ in DIALECTS.values() for piece in script.get("raw", ()))
        return [b"\0" + piece.encode("utf-8", "surrogatepass") for piece in pieces]
    if reader == "url":
        return [url.encode("utf-8", "surrogatepass") for url in (*GOOD_URLS, *HOSTILE_URLS)]
    return [b"photo.png", b"../../x", b"bytes=0-9", b"bytes=-5", b"art_" + b"a" * 48, "\u202egnp.x".encode()]


@pytest.mark.slow
@pytest.mark.torture("A", "seconds of fuzzing parsers without a crash or a long time")
@pytest.mark.parametrize("reader", ["request", "offline", "stream", "url", "artifact"])
def test_no_bytes_crash_a_parser(reader: str, tmp_path: Path, record_property: Callable[[str, int], None]) -> None:
    (tmp_path / "corpus").mkdir()
    for number, seed in enumerate(seeds(reader)):
        (tmp_path / "corpus" / f"{number}").write_bytes(seed)
    program = Path(__file__).parent / "fuzz_readers.py"
    done = subprocess.run(
        [sys.executable, str(program), reader, "60", "corpus"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(UNBAKED)},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (seconds,) = re.findall(r"Done \d+ runs in (\d+) second", done.stderr)
    record_property("count", int(seconds))
