"""Tests the built-in tools with services on real sockets that follow section 8 of the contract."""

import asyncio
import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from competitor.core.artifacts.keeper import Keeper
from competitor.core.artifacts.save import Artifacts
from competitor.core.chat import Chat
from competitor.core.model.upstream import Llm
from competitor.core.offline import OfflineServer
from competitor.core.outbound.client import HttpClient
from competitor.core.outbound.egress import Egress
from competitor.core.request.schema import ChatRequest
from competitor.core.settings import Settings
from competitor.core.tools.builtin import offered
from competitor.core.tools.builtin.create_file import FileMaker
from competitor.core.tools.builtin.search_double import LABEL
from competitor.core.tools.builtin.service import Service
from competitor.core.tools.tool import Result, tool
from competitor.core.tools.toolbox import Toolbox

from ...template_path import UNBAKED

Reply = tuple[int, Any]


def jpeg() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 200, 30)).save(made, format="JPEG")
    return made.getvalue()


JPEG = jpeg()


class Services:
    """All services on one port. `seen` lists the requests; `replies` maps paths to special replies."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.replies: dict[str, Reply] = {}
        services = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(None)

            def do_POST(self) -> None:
                self.answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def answer(self, body: Any) -> None:
                parts = urlsplit(self.path)
                asked = body if body is not None else {name: given[0] for name, given in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                services.seen.append((self.command, parts.path, headers, asked))
                status, reply = services.replies.get(parts.path) or services.usual(parts.path, asked)
                data = reply.encode() if isinstance(reply, str) else reply
                data = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def usual(self, path: str, asked: Any) -> Reply:
        match path:
            case "/search":
                entry = {"title": f"On {asked['query']}", "url": "https://example.com/1", "snippet": "An excerpt."}
                return 200, {"results": [entry] * asked["num_results"]}
            case "/fetch":
                return 200, {"content": f"# Page of {asked['url']}"}
            case "/query":
                return 200, {
                    "results": [{"text": f"passage {number}", "score": 0.5} for number in range(asked["top_k"])]
                }
            case "/execute":
                return 200, {"stdout": f"ran {asked['code']}", "stderr": "", "exit_code": 0}
            case "/generate":
                return 200, JPEG
            case "/speak":
                return 200, b"ID3\x04 sound"
            case "/api/sandboxes":
                return 200, {"sandboxId": "box-1"}
            case "/api/sandboxes/box-1/exec":
                return 200, {"stdout": "from sandy", "exitCode": 0}
        return 200, {}


@pytest.fixture
def services() -> Iterator[Services]:
    made = Services()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(made.server.serve_forever, 0.02)
        yield made
        made.server.shutdown()
        made.server.server_close()


def chat_with(environment: dict[str, str], token: str | None = None) -> Chat:
    settings = Settings.from_environment(environment)
    client = HttpClient(Egress(settings.base_urls), connect_seconds=60, silence_seconds=60)
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    request = ChatRequest.model_validate({**body, "chutes_access_token": token} if token else body)
    llm, artifacts = Llm(settings, client, OfflineServer(50)), Artifacts(Keeper(settings))
    return Chat("request-1", request, llm, settings, lambda usage: None, artifacts)


def all_services(url: str) -> dict[str, str]:
    return {f"JANUS_{name}_URL": url for name in ("SEARCH", "FETCH", "VECTOR", "SANDBOX")}


def ran(environment: dict[str, str], name: str, /, token: str | None = None, **arguments: Any) -> Result:
    async def run() -> Result:
        chat = chat_with(environment, token)
        try:
            return await Toolbox(offered(chat), seconds=60).run(name, json.dumps(arguments))
        finally:
            chat.http.close()

    return asyncio.run(run())


def names(environment: dict[str, str]) -> list[str]:
    async def run() -> list[str]:
        return [tool.name for tool in offered(chat_with(environment))]

    return asyncio.run(run())


ALWAYS = ["calculator", "create_file", "plot"]
URL = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("environment", "more"),
    [
        ({}, []),
        ({"JANUS_SEARCH_URL": URL}, ["web_search"]),
        ({"JANUS_FETCH_URL": URL}, ["fetch_page"]),
        ({"JANUS_VECTOR_URL": URL}, ["query_vectors"]),
        ({"JANUS_SANDBOX_URL": URL}, ["run_code"]),
        ({"SANDY_BASE_URL": URL}, ["run_code"]),
        ({"JANUS_LOCAL_CODE": "1"}, ["run_code"]),
        ({"JANUS_SEARCH_DOUBLE": "1"}, ["web_search"]),
        ({"JANUS_IMAGE_URL": URL}, ["generate_image"]),
        ({"JANUS_SPEECH_URL": URL}, ["speak"]),
        ({"JANUS_MEDIA_DOUBLE": "1"}, ["generate_image", "speak"]),
        ({"JANUS_MEDIA_DOUBLE": "1", "JANUS_IMAGE_URL": URL, "JANUS_SPEECH_URL": URL}, ["generate_image", "speak"]),
        ({**all_services(URL), "JANUS_SEARCH_DOUBLE": "1", "JANUS_LOCAL_CODE": "1", "SANDY_BASE_URL": URL},
         ["web_search", "fetch_page", "query_vectors", "run_code"]),
    ],
)  # fmt: skip
def test_a_tool_that_is_not_configured_is_not_offered(environment: dict[str, str], more: list[str]) -> None:
    assert names(environment) == [*ALWAYS, *more]


def test_a_search_returns_its_results(services: Services) -> None:
    result = ran(all_services(services.url), "web_search", query="otters", num_results=2)
    assert result.text.startswith("1. On otters\n   https://example.com/1\n   An excerpt.\n2. On otters")
    assert services.seen[0][:2] == ("POST", "/search")
    assert services.seen[0][3] == {"query": "otters", "num_results": 2}
    assert services.seen[0][2]["x-request-id"] == "request-1"


def test_a_page_is_fetched(services: Services) -> None:
    url = "https://example.com/a b?c=d&e=f#g".replace(" ", "%20")
    assert ran(all_services(services.url), "fetch_page", url=url).text == f"# Page of {url}"
    assert ran(all_services(services.url), "fetch_page", url="file:///etc/passwd").status == "error"


MEDIA = ("JANUS_IMAGE_URL", "JANUS_SPEECH_URL")


def test_an_image_is_drawn_and_leaves_as_png(services: Services) -> None:
    result = ran(dict.fromkeys(MEDIA, services.url), "generate_image", prompt="a green field at noon in May, please")
    (artifact,) = result.artifacts
    assert (artifact.mime_type, artifact.display_name) == ("image/png", "a green field at noon in.png")
    png = base64.b64decode(artifact.url.partition(";base64,")[2])
    assert Image.open(io.BytesIO(png)).size == (64, 48)
    assert services.seen[0][:2] == ("POST", "/generate")
    assert services.seen[0][3] == {
        "model": "qwen-image",
        "prompt": "a green field at noon in May, please",
        "width": 1024,
        "height": 1024,
        "num_inference_steps": 30,
    }


@pytest.mark.parametrize(
    "reply",
    [
        {"b64_json": base64.b64encode(JPEG).decode()},
        {"data": [{"b64_json": base64.b64encode(JPEG).decode()}]},
        {"image": f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"},
    ],
)
def test_an_image_inside_json_is_found(reply: Any, services: Services) -> None:
    services.replies["/generate"] = 200, reply
    assert ran(dict.fromkeys(MEDIA, services.url), "generate_image", prompt="a field").status == "ok"


def test_a_text_is_read_aloud(services: Services) -> None:
    result = ran(dict.fromkeys(MEDIA, services.url), "speak", text="Good morning.")
    assert [(one.display_name, one.mime_type) for one in result.artifacts] == [("speech.mp3", "audio/mpeg")]
    assert services.seen[0][3] == {"text": "Good morning.", "voice": "af_heart", "speed": 1.0}


@pytest.mark.parametrize(
    ("path", "reply", "wanted"),
    [
        ("/generate", (500, "out of memory"), "HTTP status 500"),
        ("/generate", (200, "<html>"), "could not be saved: it cannot be read"),
        ("/generate", (200, b"\xff\xd8\xff no JPEG"), "could not be saved: it cannot be read"),
        ("/generate", (200, {"error": "busy"}), "did not answer with an image"),
        ("/generate", (200, b"0" * (20 * 2**20 + 1)), "sent more than is accepted"),
        ("/speak", (200, "<html>"), "did not answer with sound"),
        ("/speak", (503, "busy"), "HTTP status 503: busy"),
        ("/speak", (503, bytes(range(64))), "HTTP status 503"),
    ],
)
def test_a_service_that_fails_is_explained_to_the_model(
    path: str, reply: Reply, wanted: str, services: Services
) -> None:
    services.replies[path] = reply
    name, given = ("generate_image", "prompt") if path == "/generate" else ("speak", "text")
    result = ran(dict.fromkeys(MEDIA, services.url), name, **{given: "x"})
    assert (result.status, result.artifacts) == ("error", ())
    assert wanted in result.text


@pytest.mark.parametrize("token", [None, "a-user-token-1"])
def test_a_service_of_the_platform_gets_the_token_or_the_key_of_the_platform(token: str | None) -> None:
    environment = {"JANUS_IMAGE_URL": "https://image.chutes.ai", "CHUTES_API_KEY": "the-key-of-chutes"}
    chat = chat_with(environment, token)
    key = Service(chat, "https://image.chutes.ai")._key
    assert key is not None
    assert key.get_secret_value() == (token or "the-key-of-chutes")
    assert Service(chat, "https://elsewhere.example")._key is None


def test_the_doubles_say_that_they_are_doubles() -> None:
    drawn = ran({"JANUS_MEDIA_DOUBLE": "1"}, "generate_image", prompt="a cat\u2028\U0001f431 " * 200)
    assert "[stand-in for an image: drawn on this machine, by no model]" in drawn.text
    assert drawn.artifacts[0].mime_type == "image/png"
    spoken = ran({"JANUS_MEDIA_DOUBLE": "1"}, "speak", text="Hello")
    assert "[speech double: a tone, no voice]" in spoken.text
    assert [(one.display_name, one.mime_type) for one in spoken.artifacts] == [("speech-double.wav", "audio/wav")]


def test_passages_are_found(services: Services) -> None:
    result = ran(all_services(services.url), "query_vectors", query="otters", top_k=2)
    assert result.text == "- [0.500] passage 0\n- [0.500] passage 1"


def test_code_runs_on_the_platform(services: Services) -> None:
    result = ran(all_services(services.url), "run_code", code="print(1)", language="bash")
    assert result.text == "ran print(1)"
    assert services.seen[0][3] == {"language": "bash", "code": "print(1)", "timeout": 60}


def test_code_in_sandy_ends_its_sandbox(services: Services) -> None:
    environment = {"SANDY_BASE_URL": services.url, "SANDY_API_KEY": "sandy-key"}
    assert ran(environment, "run_code", code="print(1)").text == "from sandy"
    assert [path for _, path, _, _ in services.seen] == [
        "/api/sandboxes",
        "/api/sandboxes/box-1/files/write",
        "/api/sandboxes/box-1/exec",
        "/api/sandboxes/box-1/terminate",
    ]
    assert services.seen[1][3] == {"path": "/tmp/main.py", "content": "print(1)"}
    assert {headers["authorization"] for _, _, headers, _ in services.seen} == {"Bearer sandy-key"}
    services.seen.clear()
    services.replies["/api/sandboxes/box-1/exec"] = (500, "broken")
    assert ran(environment, "run_code", code="print(1)").status == "error"
    assert services.seen[-1][1].endswith("/terminate")


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ({"stdout": "a\n", "stderr": "b", "exit_code": 2}, "a\nb\n(exit code 2)"),
        ({"output": "", "error": "Timed out"}, "Timed out\n(it failed)"),
    ],
)
def test_a_failed_program_is_reported_with_its_output(reply: Any, text: str, services: Services) -> None:
    services.replies["/execute"] = (200, reply)
    result = ran(all_services(services.url), "run_code", code="x")
    assert (result.text, result.status) == (text, "error")


BAD_REPLIES: list[Reply] = [
    (500, "no"),
    (404, "{}"),
    (200, "<html>"),
    (200, "[" * 100_000),
    (200, {"results": 5}),
    (200, ""),
]
CALLS: dict[str, dict[str, Any]] = {
    "web_search": {"query": "x"},
    "query_vectors": {"query": "x"},
    "run_code": {"code": "x"},
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("reply", BAD_REPLIES, ids=lambda reply: f"{reply[0]} {str(reply[1])[:12]}")
def test_a_nonsensical_answer_of_a_service_is_an_error_with_a_sentence(
    name: str, reply: Reply, services: Services
) -> None:
    services.replies = dict.fromkeys(("/search", "/query", "/execute"), reply)
    result = ran(all_services(services.url), name, **CALLS[name])
    assert result.status == "error"
    assert re.match(r"The s|127.0.0.1:\d+ \(JANUS_\w+\) answered with the HTTP status", result.text)


def test_a_service_that_is_not_running_is_an_error_with_a_sentence() -> None:
    result = ran(all_services(URL), "web_search", query="x")
    assert re.fullmatch(r"127.0.0.1:9 \(JANUS_\w+\) cannot be reached.", result.text)
    assert result.status == "error"


@pytest.mark.parametrize(("hosts", "sent"), [("", None), ("127.0.0.1", "Bearer user-token")])
def test_the_user_s_token_is_sent_only_to_allowed_services(hosts: str, sent: str | None, services: Services) -> None:
    environment = {
        **all_services(services.url),
        "JANUS_TOKEN_HOSTS": hosts,
        "CHUTES_API_KEY": "k",
        "OPENAI_API_KEY": "k",
    }
    ran(environment, "web_search", "user-token", query="x")
    assert services.seen[0][2].get("authorization") == sent


def test_the_search_double_says_that_it_is_one() -> None:
    assert LABEL in ran({"JANUS_SEARCH_DOUBLE": "1"}, "web_search", query="x").text


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("17 * 23", "391"), ("2 ** 100", str(2**100)), ("1 / 3", "0.333333333333"), ("0.1 + 0.2", "0.3"),
        ("7 // 2", "3"),
        ("-7 % 3", "2"), ("sqrt(2) ** 2", "2"), ("round(10 / 3, 2)", "3.33"), ("max(1, 2, 3) - min(4, 5)", "-1"),
        ("2 ^ 3", "8"), ("floor(2.5) + ceil(2.5)", "5"), ("abs(-4)", "4"), ("log(e)", "1"), ("4 ** 0.5", "2"),
    ],
)  # fmt: skip
def test_the_calculator_calculates(expression: str, value: str) -> None:
    assert ran({}, "calculator", expression=expression).text == f"{expression} = {value}"


@pytest.mark.parametrize(
    "expression",
    [
        "1 / 0", "9 ** 9 ** 9", "(9 ** 999) ** 9", "__import__('os')", "(1).real", "[1] * 9", "'a' * 9",
        "1 if 2 else 3",
        "x", "sqrt(-1)", "(-8) ** 0.5", "exp(9999)", "(" * 300, "1" * 400 + "*" + "9" * 400, "sqrt()", "sqrt(1, 2, 3)",
        "abs(x=1)", "", "lambda: 1", "1e999", "True + 1", "max(*[1])", "10 ** -5000", "round(1, 10 ** 9)", "\x00",
    ],
)  # fmt: skip
def test_an_expression_that_cannot_be_calculated_is_explained(expression: str) -> None:
    result = ran({}, "calculator", expression=expression)
    assert result.status == "error"
    assert result.text.startswith("The expression")


def test_a_file_becomes_an_artifact() -> None:
    result = ran({}, "create_file", name="notes.md", content="# Notes\n")
    (made,) = result.artifacts
    assert (made.display_name, made.type, made.size_bytes) == ("notes.md", "file", 8)
    assert made.url == "data:text/markdown;base64,IyBOb3Rlcwo="
    assert result.text == "Created notes.md (8 bytes). The user has it."


def test_a_file_that_cannot_be_saved_is_explained() -> None:
    result = ran({"JANUS_ARTIFACT_BYTES": "7"}, "create_file", name="notes.md", content="# Notes\n")
    assert result.status == "error"
    assert result.text == "The file notes.md could not be saved: it is larger than 7 bytes, the maximum size."


def _size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert png.endswith(b"IEND\xaeB`\x82")
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


@pytest.mark.parametrize("kind", ["bar", "line", "scatter", "pie"])
def test_a_plot_is_a_png_of_the_data(kind: str) -> None:
    def drawn(values: list[float]) -> bytes:
        result = ran({}, "plot", values=values, labels=["a", "b", "c"], kind=kind, title="Prices in $ and _x^2_")
        (made,) = result.artifacts
        assert (made.type, made.mime_type, result.status) == ("image", "image/png", "ok")
        assert made.display_name == "Prices in $ and _x^2_.png"
        return base64.b64decode(made.url.removeprefix("data:image/png;base64,"))

    one = drawn([3, 1, 2])
    assert _size(one) == (960, 540)
    assert drawn([3, 1, 2]) == one
    assert drawn([1, 1, 2]) != one


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"values": []}, "Bad arguments"), ({"values": [1] * 1001}, "Bad arguments"),
        ({"values": [1e300]}, "Bad arguments"),
        ({"values": ["NaN"]}, "Bad arguments"), ({"values": [1, 2], "labels": ["a"]}, "2 values and 1 labels"),
        ({"values": [1, -1], "kind": "pie"}, "not negative"), ({"values": [0, 0], "kind": "pie"}, "not zero"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_plotted_is_explained(arguments: dict[str, Any], said: str) -> None:
    result = ran({}, "plot", **arguments)
    assert result.status == "error"
    assert said in result.text


def test_a_thousand_values_and_unusual_labels_are_drawn() -> None:
    result = ran(
        {}, "plot", values=[(-1) ** n * n for n in range(1000)], labels=["名前 $\\frac{" * 3] * 1000, kind="line"
    )
    assert result.status == "ok", result.text


def test_concurrent_plots_are_each_complete() -> None:
    async def run() -> list[Result]:
        chat = chat_with({})
        toolbox = Toolbox(offered(chat), seconds=60)
        return list(await asyncio.gather(*(toolbox.run("plot", f'{{"values": [{n}, 2]}}') for n in range(8))))

    drawn = {result.artifacts[0].sha256 for result in asyncio.run(run())}
    assert len(drawn) == 8


def test_without_its_library_no_plot_is_offered_and_no_start_imports_it(tmp_path: Path) -> None:
    """Without matplotlib, the plot tool is not offered. With matplotlib, the core does not import it at the start."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\nreal = u.find_spec\n"
        "u.find_spec = lambda name, package=None: None if name == 'matplotlib' else real(name, package)\n"
    )
    core = "competitor.core"
    ask = f"from {core}.tools.builtin import plot; import sys; print(plot.available(), 'matplotlib' in sys.modules)"
    lazily = (
        f"import {core}.server.app, {core}.tools.builtin, sys; print({{'obstore', 'matplotlib'}} & set(sys.modules))"
    )
    assert _printed(ask, PYTHONPATH=f"{tmp_path}{os.pathsep}{UNBAKED}") == "False False"
    assert _printed(ask, PYTHONPATH=str(UNBAKED)) == "True False"
    assert _printed(lazily, PYTHONPATH=str(UNBAKED)) == "set()"


def test_a_plot_works_without_a_writable_home_folder(tmp_path: Path) -> None:
    draw = "from competitor.core.tools.builtin.plot import _drawn; print(len(_drawn([1, 2], [], 'bar', '')) > 1000)"
    assert _printed(draw, PYTHONPATH=str(UNBAKED), HOME="/proc/nowhere", TMPDIR=str(tmp_path)) == "True"
    assert [path.name.partition("-")[2][:10] for path in tmp_path.iterdir()] == ["matplotlib"]


def _printed(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("file", "content"), [("../x", ""), ("a\nb", ""), ("a" * 200, ""), ("", ""), ("a.txt", "x" * 100_001)]
)
def test_a_file_that_cannot_be_created_is_refused(file: str, content: str) -> None:
    maker = FileMaker(Artifacts(Keeper(Settings())))
    arguments = json.dumps({"name": file, "content": content})
    result = asyncio.run(Toolbox([tool(maker.create_file)], seconds=5).run("create_file", arguments))
    assert result.text.startswith("Bad arguments for create_file")
