"""Tests an owner's own settings, from `.env` to the call of a service: `chat.get` and `chat.post`, in each variant."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.target import question

from ..bakes import Bakes
from ..models.conftest import ServeOwn, serve_own, session_models, variant
from ..template_path import contract_tests

__all__ = ["serve_own", "session_models", "variant"]

processes = contract_tests("processes")

SETTINGS = '''
from typing import Literal

from pydantic import SecretStr

from ..api import BaseUrl, OwnSettings


class Settings(OwnSettings):
    weather_url: BaseUrl | None = None
    """Base URL of the
    weather service."""
    weather_key: SecretStr | None = None
    """Its key."""
    glossary: Literal["short", "long"] = "short"
    """Which glossary to use."""
    words: int = 10


settings = Settings()
'''
AGENT = """
import asyncio

from ..api import Text, ServiceError
from .settings import settings


async def answer(chat):
    what, _, path = chat.text.partition(" ")
    url = f"{settings.weather_url}{path}"
    if what == "get":
        reply = await chat.get(url, {"city": "Oslo, NO"}, headers={"X-Mine": "1"}, seconds=1.5, max_bytes=10_000)
        yield Text(f"{reply.status} {reply.json()['path']} {settings.glossary} {settings.words}")
    elif what == "post":
        reply = await chat.post(url, {"city": "Oslo"})
        yield Text(reply.text)
    elif what == "caught":
        try:
            await chat.get(url)
        except ServiceError as error:
            yield Text(f"[{error.status}] {error}")
    elif what == "elsewhere":
        await chat.get(path)
    elif what == "secret":
        chat.log.warning("the key is %s", settings.weather_key.get_secret_value())
        yield Text("logged")
"""


class Weather:
    """A service with one path for each way to fail. `asked` are the requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.url = ""

    def respond(self, path: str) -> tuple[int, str, bytes]:
        times = sum(1 for _, other, _, _ in self.asked if other == path)
        match path.partition("?")[0]:
            case "/html":
                return 200, "text/html", b"<html>"
            case "/slow":
                time.sleep(3)
            case "/big":
                return 200, "application/json", b"[" + b"1," * 100_000 + b"1]"
            case "/once-busy" if times == 1:
                return 503, "text/plain", b"busy"
            case "/busy":
                return 503, "text/plain", b"busy"
            case "/missing":
                return 404, "text/plain", b"secret-of-the-service"
            case "/redirect":
                return 302, "text/plain", b""
        return 200, "application/json", json.dumps({"path": path}).encode()


@pytest.fixture(scope="module")
def running() -> Iterator[Weather]:
    weather = Weather()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            weather.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, kind, content = weather.respond(self.path)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # the competitor breaks a connection off, for example of an answer that is too large

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    weather.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield weather
    server.shutdown()
    server.server_close()


@pytest.fixture
def weather(running: Weather) -> Weather:
    running.asked.clear()
    return running


@pytest.fixture(scope="module")
def server(serve_own: ServeOwn, running: Weather) -> Target:
    environment = {"WEATHER_URL": running.url, "GLOSSARY": "long", "WORDS": ""}
    return serve_own({"agent.py": AGENT, "settings.py": SETTINGS}, environment)


def told(server: Target, prompt: str) -> str:
    return str(server.post(question(prompt)).json()["choices"][0]["message"]["content"])


def test_a_get_with_a_setting_of_the_owner_s(server: Target, weather: Weather) -> None:
    path = "/now?city=Oslo%2C+NO"
    assert told(server, "get /now") == f"200 {path} long 10"
    ((method, asked, headers, body),) = weather.asked
    assert (method, asked, body) == ("GET", path, b"")
    assert headers["x-mine"] == "1"
    assert headers["x-request-id"].startswith("chatcmpl-")


def test_a_post_of_json(server: Target, weather: Weather) -> None:
    assert told(server, "post /say") == '{"path": "/say"}'
    ((method, _, headers, body),) = weather.asked
    assert (method, json.loads(body), headers["content-type"]) == ("POST", {"city": "Oslo"}, "application/json")


@pytest.mark.parametrize(
    ("prompt", "wanted", "requests"),
    [
        ("get /once-busy", "200 /once-busy?city=Oslo%2C+NO long 10", 2),
        ("get /slow", "HOST did not answer within 1.5 s.", 1),
        ("get /big", "HOST sent more than is accepted.", 1),
        ("get /html", "HOST did not answer with JSON.", 1),
        ("get /missing", "HOST answered with the HTTP status 404.", 1),
        ("get /redirect", "HOST answered with the HTTP status 302, which leads elsewhere and is not followed.", 1),
        ("post /busy", "HOST answered with the HTTP status 503.", 1),
        ("caught /busy", "[503] HOST answered with the HTTP status 503.", 3),
    ],
)
def test_failures_name_the_host_and_its_setting(
    prompt: str, wanted: str, requests: int, server: Target, weather: Weather
) -> None:
    host = weather.url.removeprefix("http://")
    assert told(server, prompt) == wanted.replace("HOST", f"{host} (WEATHER_URL)")
    assert len(weather.asked) == requests


def test_a_host_without_a_setting_is_not_called(server: Target, weather: Weather) -> None:
    wanted = "localhost:1 may not be called: no setting holds its base URL (competitor/backend/settings.py)."
    assert told(server, "elsewhere http://localhost:1/") == wanted


def test_the_client_reads_which_service_is_slow(server: Target, weather: Weather) -> None:
    stream = server.read_stream(question("get /slow", stream=True))
    assert f"Asking {weather.url.removeprefix('http://')} (WEATHER_URL)" in stream.reasoning


@pytest.fixture
def project(bakes: Bakes, tmp_path: Path) -> Path:
    """A repo of the default variant with the settings above."""
    copy = Path(shutil.copytree(bakes("proxy"), tmp_path / "my-competitor"))
    (copy / "competitor/backend/settings.py").write_text(SETTINGS, encoding="utf-8")
    (copy / "competitor/backend/agent.py").write_text(AGENT, encoding="utf-8")
    return copy


def command(project: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "competitor", *arguments],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_table_and_env_example_have_them(project: Path) -> None:
    lines = command(project, "settings", "--env").stdout.splitlines()
    assert lines[lines.index("# Your own settings, of competitor/backend/settings.py.") + 1 :] == [
        "# Base URL of the weather service.",
        "#WEATHER_URL=",
        "# Its key.",
        "#WEATHER_KEY=",
        "# Which glossary to use.",
        "#GLOSSARY=short",
        "#WORDS=10",
    ]
    assert "| `GLOSSARY` | `short` | Which glossary to use. |" in command(project, "settings").stdout


MISTAKES: dict[str, tuple[Callable[[str], str], dict[str, str], str]] = {
    "a wrong value": (lambda text: text, {"GLOSSARY": "medium"}, "\nGLOSSARY: Input should be 'short' or 'long'"),
    "a wrong default": (
        lambda text: text.replace("words: int = 10", 'words: int = "ten"'),
        {},
        "backend/settings.py: words: Input",
    ),
    "a bad URL": (lambda text: text, {"WEATHER_URL": "weather"}, "\nWEATHER_URL: is not a base URL"),
    "no instance": (lambda text: text.replace("settings = Settings()", ""), {}, "settings.py must define `settings`"),
    "the class": (lambda text: text.replace("= Settings()", "= Settings"), {}, "must define settings = Settings()"),
    "a name that is taken": (lambda text: text.replace("words", "port"), {}, "PORT: is a setting of the template"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_sentence_at_the_start(mistake: str, project: Path) -> None:
    change, environment, sentence = MISTAKES[mistake]
    file = project / "competitor/backend/settings.py"
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    done = command(project, "serve", **environment)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_owner_s_code_reads_the_env_file_and_unknown_names_are_reported(
    project: Path, weather: Weather, tmp_path: Path
) -> None:
    values = [f"WEATHER_URL={weather.url}", "WEATHER_KEY=sk-1234567890", "JANUS_LLM_MODLE=x", "JANUS_X_SERVICE_HOST=y"]
    (project / ".env").write_text("\n".join(values), encoding="utf-8")
    log = tmp_path / "log"
    served = ("-m", "competitor", "serve", "--env-file", ".env")
    with processes.competitor({}, *served, cwd=project, log=log) as (url, _):
        assert told(Target(url), "secret") == "logged"
        assert told(Target(url), "get /now") == "200 /now?city=Oslo%2C+NO short 10"
    lines = log.read_text(encoding="utf-8")
    assert "the key is" in lines
    assert "sk-1234567890" not in lines
    unknown = [json.loads(line) for line in lines.splitlines() if "nothing reads the variable" in line]
    assert [(line["variable"], line["meant"]) for line in unknown] == [("JANUS_LLM_MODLE", "JANUS_LLM_MODEL")]
