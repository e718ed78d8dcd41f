"""Tests each recipe of docs/cookbook.md in each variant: offline, and what it sends to a model's server.

The servers have a default model, as the image has. Recipes with tools run where the variant has tools.
"""

import ast
import base64
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import question

from ..bakes import Bakes
from ..models.conftest import models, one_at_once, session_models
from ..models.wires import ModelServer, text
from ..template_path import UNBAKED, contract_tests
from .conftest import WITH_TOOLS

__all__ = ["models", "session_models"]

processes = contract_tests("processes")
PAGE = UNBAKED / "docs" / "cookbook.md"
MAX_LINES = 30
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w./]+)`\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECIPES = {title: dict(_FILE.findall(body)) for title, body in _SECTION.findall(PAGE.read_text(encoding="utf-8"))}
HARD = "Explain it. " * 30
BROKEN_OFF = 'data: {"choices":[{"index":0,"delta":{"content":"Long ago, "}}]}\n\n'
FAILED = 'data: {"error":{"message":"overloaded","code":503}}\n\n'
REVIEW = '{"stars": 4, "reason": "It is short."}'
Json = dict[str, Any]


def pdf(words: str) -> bytes:
    """A PDF with one page that says these words."""
    stream = f"BT /F1 12 Tf 10 100 Td ({words}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
    ]
    made, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(made))
    return made + head + table + tail


FILE = {"name": "a.pdf", "mime_type": "application/pdf", "content": base64.b64encode(pdf("Otters hold hands")).decode()}
PDF = [{"type": "text", "text": "What does it say?"}, {"type": "file", "file": {**FILE, "size": 700}}]


@dataclass(frozen=True)
class Case:
    """A request to a recipe: what the upstream answers, what the client reads, and which models were asked for what."""

    prompt: Any
    answers: list[str]
    wanted: str
    asked: list[tuple[str, str]] = field(default_factory=list)  # model, words of the request
    more: Json = field(default_factory=dict)


DEFAULT = "the-image-s-model"
FAST, BIG = "Qwen/Qwen3-32B", "deepseek-ai/DeepSeek-V3.1"
CASES: dict[str, list[Case]] = {
    "Route by need": [
        Case("Hi", [text("Hello.")], "Hello.", [(FAST, "Hi")]),
        Case(HARD, [text('{"model": "big"}'), text("So.")], "So.", [(FAST, "Is this hard"), (BIG, "Explain")]),
        Case("Hi", [FAILED, text("I am big.")], "I am big.", [(FAST, "Hi"), (BIG, "Hi")]),
    ],
    "Fall back": [
        Case("Hi", [FAILED, text("I am big.")], "I am big.", [(FAST, "Hi"), (BIG, "Hi")]),
        Case("Hi", [BROKEN_OFF, text("a time.")], "Long ago, a time.", [(FAST, "Hi"), (BIG, "Go on exactly")]),
    ],
    "Merge several answers": [
        Case(
            "Hi",
            [text("A draft."), text("A draft."), FAILED, text("The best.")],
            "The best.",
            [(DEFAULT, "Hi")] * 3 + [(DEFAULT, "A draft.")],
        )
    ],
    "Plan and act": [
        Case(
            "Bake",
            [text('{"steps": ["Mix", "Heat"]}'), text("Mixed."), text("Hot."), text("Done.")],
            "Done.",
            [(DEFAULT, "four steps"), (DEFAULT, "Mix"), (DEFAULT, "Heat"), (DEFAULT, "Heat: Hot.")],
        )
    ],
    "Search and cite": [
        Case("Otters", [text("Cute [1].")], "Cute [1].", [(DEFAULT, "made up on this machine")]),
    ],
    "Read a PDF and an image": [Case(PDF, [text("It is nice.")], "It is nice.", [(DEFAULT, "Otters hold hands")])],
    "Draw": [Case("A cat", [text("A red cat.")], "A red cat.", [(DEFAULT, "one image for this")])],
    "Remember a user": [
        Case("I like otters", [text("Nice.")], "Nice.", [(DEFAULT, "otters")], {"user_id": "u1"}),
        Case("And you?", [text("So do I.")], "So do I.", [(DEFAULT, "said before: I like otters")], {"user_id": "u1"}),
        Case("And you?", [text("Hm.")], "Hm.", [(DEFAULT, "And you?")], {"user_id": "u2"}),
    ],
    "Call an HTTP service": [Case("Oslo", [], "It is 7 degrees.")],
    "Add a tool, with its test": [Case("Hi", [text("Hello.")], "Hello.", [(DEFAULT, "lookup")])],
    "Add a route": [Case("Hi", [text("Hello.")], "Hello.", [(DEFAULT, "Hi")])],
    "Structured output": [Case("A text", [text(REVIEW)], "**** It is short.", [(DEFAULT, "A text")])],
    "Stream your own progress": [Case("Hi", [text("Hello.")], "Hello.", [(DEFAULT, "Hi")])],
    "Save a 5 MB artifact": [Case("Squares", [], "Here are the squares.")],
}
NO_CODE = {"Add a dependency"}


def test_each_recipe_is_tested() -> None:
    assert {*CASES, *NO_CODE} == set(RECIPES)


@pytest.mark.parametrize(("title", "file"), [(title, file) for title, files in RECIPES.items() for file in files])
def test_code_is_short_and_imports_only_the_api(title: str, file: str) -> None:
    code = RECIPES[title][file]
    assert len(code.splitlines()) <= MAX_LINES
    own = {"settings", "models", "tools"}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.module == "api" or node.module in own, node.module
        elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("competitor"):
            assert file.startswith("tests/")


class _Weather(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"degrees": 7}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def weather() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Weather)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module", params=one_at_once("tools"))
def variant(request: pytest.FixtureRequest) -> str:
    """`make test` runs a variant that has tools, `make test-variants` the others."""
    name: str = request.param
    return name


@pytest.fixture
def project(request: pytest.FixtureRequest, variant: str, bakes: Bakes, tmp_path: Path) -> Path:
    """A repo of this variant with the files of the recipe."""
    title = request.node.callspec.params["title"]
    if "tools.py" in RECIPES[title] and variant not in WITH_TOOLS:
        pytest.skip("this variant has no tools")
    copy = Path(shutil.copytree(bakes(variant), tmp_path / "my-competitor"))
    for name, code in RECIPES[title].items():
        file = copy / name if "/" in name else copy / "competitor" / "backend" / name
        file.write_text(code.replace("/tmp/", f"{tmp_path}/"), encoding="utf-8")
    return copy


Start = Callable[[dict[str, str]], Target]


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    launcher: Any = processes.Launcher(cwd=project)
    doubles = {"JANUS_SEARCH_DOUBLE": "1", "JANUS_MEDIA_DOUBLE": "1", "JANUS_LLM_ATTEMPTS": "1"}
    yield lambda environment: Target(launcher({**doubles, **environment}).url, timeout=120)
    launcher.close()


@pytest.mark.parametrize("title", CASES)
def test_what_the_model_s_server_gets_and_the_client_reads(
    title: str, start: Start, models: ModelServer, weather: str
) -> None:
    environment = {"JANUS_LLM_BASE_URL": models.url, "JANUS_LLM_MODEL": DEFAULT, "JANUS_LLM_API_KEY": "the-one-key"}
    server = start({**environment, "WEATHER_URL": weather})
    for case in CASES[title]:
        models.reset(*case.answers)
        message = {"role": "user", "content": case.prompt}
        said = server.post({"model": "any", "messages": [message], **case.more}).json()["choices"][0]["message"]
        assert case.wanted in said["content"]
        assert len(models.asked) == len(case.asked)
        for (model, words), body in zip(case.asked, models.asked, strict=True):
            assert body["model"] == model
            assert words in json.dumps(body, ensure_ascii=False)
        assert set(models.keys) <= {"Bearer the-one-key"}


SHORT_FORM = ("Route by need", "Plan and act", "Add a route")  # `make test-variants` runs all


@pytest.mark.parametrize(
    "title", [pytest.param(title, marks=() if title in SHORT_FORM else pytest.mark.slow) for title in CASES]
)
def test_offline_it_answers_in_good_form(title: str, start: Start, weather: str) -> None:
    server = start({"WEATHER_URL": weather})
    prompt = CASES[title][0].prompt
    stream = server.read_stream({**question("x", stream=True), "messages": [{"role": "user", "content": prompt}]})
    well_formed(stream, title)
    assert stream.text.strip()
    assert "failed while it answered" not in stream.text


@pytest.mark.parametrize("title", ["Add a route"])
def test_the_route_answers(title: str, start: Start) -> None:
    reply = start({}).post({"input": ["otter"]}, path="/v1/embeddings")
    assert reply.json()["data"] == [{"index": 0, "embedding": [5.0]}]


@pytest.mark.parametrize("title", ["Draw"])
def test_the_drawing_arrives(title: str, start: Start) -> None:
    message = start({}).post(question("A cat")).json()["choices"][0]["message"]
    assert [one["mime_type"] for one in message["artifacts"]] == ["image/png"]


@pytest.mark.parametrize("title", ["Save a 5 MB artifact"])
def test_the_file_is_behind_a_link(title: str, start: Start) -> None:
    (artifact,) = start({}).post(question("Squares")).json()["choices"][0]["message"]["artifacts"]
    assert artifact["size_bytes"] > 5_000_000
    assert artifact["url"].startswith("http")


@pytest.mark.parametrize("title", ["Stream your own progress"])
def test_the_client_sees_the_parts(title: str, start: Start) -> None:
    stream = start({}).read_stream(question("Hi", stream=True))
    events = [delta["janus"]["event"] for _, delta in stream.deltas if "janus" in delta]
    assert events.count("tool_start") == events.count("tool_end") == 3


@pytest.mark.parametrize("title", ["Add a tool, with its test"])
def test_the_tool_s_test_passes(title: str, project: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_lookup.py"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
