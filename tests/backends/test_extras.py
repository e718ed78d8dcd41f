"""Tests what a backend adds to the server: routes, and what `setup()` makes and `teardown()` closes."""

import asyncio
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import question
from competitor.core.answer import backend as backends
from competitor.core.answer.backend import Backend, Loaded
from competitor.core.server.extras import add_router

from ..bakes import Bakes
from ..models.conftest import ServeOwn, serve_own, session_models, variant
from ..template_path import contract_tests

__all__ = ["serve_own", "session_models", "variant"]

processes = contract_tests("processes")
AGENT = """
import asyncio
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from ..api import Text

router = APIRouter()


class Texts(BaseModel):
    input: list[str]


@router.post("/v1/embeddings")
async def embeddings(given: Texts, request: Request):
    own = request.app.state.backend.own
    return {"data": [{"embedding": [len(text), own["factor"]]} for text in given.input]}


@router.get("/private")
async def private():
    raise HTTPException(401, "a key is needed")


async def setup():
    await asyncio.sleep(SECONDS)
    return {"factor": 7}


async def teardown(own):
    Path("closed").write_text(str(own["factor"]))


async def answer(chat):
    yield Text(f"The factor is {chat.own['factor']}.")
"""


@pytest.fixture(scope="module")
def server(serve_own: ServeOwn) -> Target:
    return serve_own({"agent.py": AGENT.replace("SECONDS", "0")}, {"JANUS_MAX_BODY_BYTES": "5000"})


def post(server: Target, path: str, body: Any) -> tuple[int, Any]:
    asked = urllib.request.Request(server.url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_route_of_the_owner_s(server: Target) -> None:
    assert post(server, "/v1/embeddings", {"input": ["abc"]}) == (200, {"data": [{"embedding": [3, 7]}]})
    assert "/v1/embeddings" in server.get("/openapi.json").json()["paths"]


def test_a_route_of_a_backend_that_is_still_loading_waits_for_it(serve_own: ServeOwn) -> None:
    """A large framework takes seconds to import; the server is healthy before that, and knows no routes of its own."""
    slow = serve_own({"agent.py": f"import time\n\ntime.sleep(3)\n{AGENT.replace('SECONDS', '0')}"}, {})
    with ThreadPoolExecutor(1) as pool:
        embedding = pool.submit(post, slow, "/v1/embeddings", {"input": ["abc"]})
        assert slow.get("/health").json()["status"] == "ok"
        assert not embedding.done()
        assert embedding.result()[0] == 200
    assert slow.get("/unknown").status == 404


def test_its_body_has_a_maximum_size(server: Target) -> None:
    status, said = post(server, "/v1/embeddings", {"input": ["a" * 6000]})
    assert (status, said["error"]["code"]) == (413, "body_too_large")


def test_a_body_that_does_not_fit_is_refused_in_the_usual_form(server: Target) -> None:
    status, said = post(server, "/v1/embeddings", {"input": "abc"})
    assert status == 422
    assert said["error"] == {
        "message": "input: Input should be a valid list",
        "type": "invalid_request_error",
        "param": "input",
        "code": "invalid_value",
    }


def test_its_refusals_have_their_status(server: Target) -> None:
    reply = server.get("/private")
    assert (reply.status, reply.json()["error"]["message"]) == (401, "a key is needed")


def test_the_contract_s_routes_are_as_before(server: Target) -> None:
    assert server.get("/health").json()["status"] == "ok"
    assert server.get("/debug").status == 404


def test_what_setup_returns_is_the_chat_s_own(server: Target) -> None:
    said = server.post(question("Hi")).json()
    assert said["choices"][0]["message"]["content"] == "The factor is 7."


def test_a_request_waits_for_a_slow_setup_and_the_server_is_healthy_meanwhile(serve_own: ServeOwn) -> None:
    target = serve_own({"agent.py": AGENT.replace("SECONDS", "4")}, {})
    with ThreadPoolExecutor(1) as pool:
        embedding = pool.submit(post, target, "/v1/embeddings", {"input": ["abc"]})
        stream = target.read_stream(question("Hi", stream=True))
        assert embedding.result()[0] == 200
    well_formed(stream)
    assert stream.text == "The factor is 7."
    assert stream.reasoning  # progress notes


def project(bakes: Bakes, folder: Path, agent: str) -> Path:
    copy = Path(shutil.copytree(bakes("proxy"), folder / "my-competitor"))
    (copy / "competitor/backend/agent.py").write_text(agent, encoding="utf-8")
    return copy


def test_teardown_gets_what_setup_has_returned(bakes: Bakes, tmp_path: Path) -> None:
    repo = project(bakes, tmp_path, AGENT.replace("SECONDS", "0"))
    with processes.competitor({}, cwd=repo):
        pass
    assert (repo / "closed").read_text(encoding="utf-8") == "7"


MISTAKES = {
    "setup that raises": ("async def setup():\n    raise OSError('no database')\n", "OSError: no database"),
    "setup that is not async": ("def setup(): ...\n", "setup in competitor/backend/agent.py must be an `async def`"),
    "a router of another kind": ("router = []\n", "must be a FastAPI APIRouter, not list"),
    "a route that is the contract's": (
        "from fastapi import APIRouter\nrouter = APIRouter()\n\n@router.get('/health')\ndef health(): ...\n",
        "the route /health of competitor/backend/agent.py would answer for /health",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_stops_the_server_and_the_log_says_why(mistake: str, bakes: Bakes, tmp_path: Path) -> None:
    code, sentence = MISTAKES[mistake]
    repo = project(bakes, tmp_path, f"{code}\nasync def answer(chat):\n    yield\n")
    command = [sys.executable, "-m", "competitor", "serve", "--host", "127.0.0.1", "--port", "0"]
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert sentence in done.stderr


async def nothing() -> None: ...


@pytest.mark.parametrize(
    "path", ["/debug", "/{anything}", "/v1/{rest:path}", "/artifacts/{id}/{name}", "/metrics", "/v1/models", "/{a}/{b}"]
)
def test_no_route_may_answer_for_one_of_the_contract(path: str) -> None:
    router = APIRouter()
    router.add_api_route(path, lambda: None)
    with pytest.raises(TypeError, match="would answer for"):
        add_router(FastAPI(), nothing, router)


def test_a_setup_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "MAX_SETUP_SECONDS", 0.1)
    errors: list[BaseException] = []

    async def answer(chat: Any) -> Any:
        yield

    async def work() -> None:
        async def hang() -> None:
            await asyncio.Event().wait()

        backend = Backend("hangs", loaded=Loaded("hangs", answer, setup=hang))
        backend.when_failed(errors.append)
        await backend.begin(lambda router: None)
        with pytest.raises(TimeoutError):
            await backend.loaded()

    asyncio.run(work())
    assert [str(error) for error in errors] == ["setup() of competitor/backend/agent.py did not end within 0.1 s"]
