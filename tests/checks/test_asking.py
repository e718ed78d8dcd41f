"""Tests `competitor ask`: its options, its conversation in a terminal, and what it says about a broken contract."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from competitor.checks import stand_in
from competitor.checks.responses import Json

from ..bakes import Bakes
from ..loop.terminal import Terminal
from ..template_path import UNBAKED, contract_tests
from .harness import serving
from .plain_server import Plain

processes = contract_tests("processes")
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = json.dumps({"name": "get_weather", "parameters": PARAMETERS})
BROKEN = " is broken: "


def ask(*arguments: str | Path, given: str | None = None, folder: Path = UNBAKED) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-Bm", "competitor", "ask", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "PORT"}
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture(scope="module")
def url(bakes: Bakes) -> Iterator[str]:
    with processes.competitor({}, cwd=bakes("tools")) as (url, _):
        yield url


def test_an_answer_is_shown_and_summed_up(url: str) -> None:
    done = ask("What is 17 * 23?", "--url", url)
    assert done.returncode == 0
    assert '[calculator] {"expression": "17 * 23"}\n[calculator] -> 17 * 23 = 391' in done.stdout
    assert "first word" in done.stdout
    assert BROKEN not in done.stdout


def test_a_prompt_may_come_through_a_pipe(url: str) -> None:
    assert "17 * 23 = 391" in ask("--url", url, given="What is 17 * 23?\n").stdout
    assert ask("--url", url, given="").returncode == 2


def test_a_whole_answer_hides_the_data_of_images(url: str) -> None:
    done = ask("Draw a plot.", "--whole", "--url", url)
    assert "(data: ...)" in done.stdout
    assert "base64" not in done.stdout
    assert "[artifact] bar chart.png" in done.stdout
    assert BROKEN not in done.stdout


def test_what_was_received_is_printed_as_json(url: str) -> None:
    chunks = [json.loads(line) for line in ask("Hello!", "--json", "--url", url).stdout.splitlines()]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert json.loads(ask("Hello!", "--json", "--whole", "--url", url).stdout)["object"] == "chat.completion"


def test_what_is_sent(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Otters hold hands.", encoding="utf-8")
    (tmp_path / "dot.png").write_bytes(b"\x89PNG")
    (tmp_path / "data.bin").write_bytes(b"\xff\x00")
    (tmp_path / "tool.json").write_text(WEATHER, encoding="utf-8")
    seen: list[Json] = []

    class Listening(Plain):
        def parse(self, body: bytes) -> Json:
            seen.append(json.loads(body))
            return super().parse(body)

    files = ("--file", tmp_path / "notes.txt", "--file", tmp_path / "data.bin", "--image", tmp_path / "dot.png")
    more = ("--system", "Be brief.", "--model", "mine", "--tool", tmp_path / "tool.json", "--tool", WEATHER)
    with stand_in() as upstream, serving(Listening, upstream) as target:
        assert ask("What?", *files, *more, "--url", target.url).returncode == 0
    sent = seen[-1]
    assert (sent["model"], sent["stream"]) == ("mine", True)
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["get_weather"] * 2
    system, user = sent["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    text, image, notes, data = user["content"]
    assert text == {"type": "text", "text": "What?"}
    assert image["image_url"]["url"] == "data:image/png;base64,iVBORw=="
    assert notes["file"] == {
        "name": "notes.txt",
        "mime_type": "text/plain",
        "content": "Otters hold hands.",
        "size": 18,
    }
    assert (data["file"]["content"], data["file"]["size"]) == ("/wA=", 2)


@pytest.mark.parametrize(
    "wrong", [("--tool", "{"), ("--tool", "no-such-file"), ("--file", "no-such-file"), ("--save", "/nonexistent/x")]
)
def test_an_option_that_cannot_be_used_is_a_sentence(wrong: tuple[str, str], url: str) -> None:
    done = ask("Hello!", *wrong, "--url", url)
    assert (done.returncode, done.stderr) == (2, "")


def test_what_breaks_the_contract_is_said() -> None:
    class Careless(Plain):
        def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
            yield from list(super().end(fixed, reason, usage, apart))[:-1]

    with stand_in() as upstream, serving(Careless, upstream) as target:
        done = ask("Hello!", "--url", target.url)
    assert done.returncode == 1
    assert "no [DONE]" in done.stdout
    assert BROKEN in done.stdout


@pytest.mark.parametrize("whole", [[], ["--whole"]], ids=["streamed", "whole"])
def test_a_correct_server_is_not_accused(whole: list[str]) -> None:
    with stand_in() as upstream, serving(Plain, upstream) as target:
        done = ask("Hello!", *whole, "--url", target.url)
    assert (done.returncode, BROKEN in done.stdout) == (0, False)


def test_the_port_of_the_env_file_is_asked(bakes: Bakes, tmp_path: Path) -> None:
    repo = Path(shutil.copytree(bakes("tools"), tmp_path / "repo"))
    port = processes.free_port()
    (repo / ".env").write_text(f"PORT={port}\n", encoding="utf-8")
    assert f"localhost:{port}" in ask("Hello!", folder=repo).stdout


def test_a_conversation_in_a_terminal(url: str) -> None:
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color"}
    command = [sys.executable, "-Bm", "competitor", "ask", "--url", url, "--tool", WEATHER]
    with Terminal(command, UNBAKED, environment) as terminal:
        terminal.shows("> ")
        terminal.type("My name is Ada.")
        terminal.shows("Hello, Ada.")
        terminal.shows("> ")
        terminal.type("What is my name?")
        terminal.shows("Your name is Ada.")
        terminal.shows("> ")
        terminal.type("The weather in Paris, please.")
        terminal.shows('{"city": "Paris"}')
        terminal.shows("result of get_weather: ")
        terminal.type("sunny")
        terminal.shows("The tools answered: sunny")
        terminal.shows("> ")
        terminal.type("/new")
        terminal.shows("begins again")
        terminal.shows("> ")
        terminal.type("What is my name?")
        assert "Your name is Ada" not in terminal.shows("> ")
        terminal.type("/quit")
        assert terminal.process.wait(processes.PATIENCE_SECONDS) == 0
    assert "Traceback" not in terminal.text


def test_without_a_server_it_says_what_to_do() -> None:
    done = ask("Hello!", "--url", f"http://127.0.0.1:{processes.free_port()}")
    assert done.returncode == 1
    assert "Is it running? `make run` starts it." in done.stdout


def test_a_url_without_its_scheme_is_completed() -> None:
    done = ask("Hello!", "--url", "localhost:8080")
    assert (done.returncode, done.stdout) == (2, "--url: write http://localhost:8080\n")


def test_a_refusal_is_shown(url: str) -> None:
    done = ask("Hello!", "--tool", '{"description": "It has no name."}', "--url", url)
    assert done.returncode == 1
    assert done.stdout.startswith("HTTP 400: ")
