"""Tests `make run` as an owner uses it: edit, reload, ask, break, fix, in a pseudo-terminal."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.target import question

from ..template_path import contract_tests
from .terminal import Terminal

processes = contract_tests("processes")
AGENT = "competitor/backend/agent.py"
SAYS = """\
import asyncio
from collections.abc import AsyncIterator

from ..api import Chat, Event, Text


async def answer(chat: Chat) -> AsyncIterator[Event]:
    yield Text("{} ")
    if chat.text == "slowly":
        await asyncio.sleep(4)
    yield Text("and no more.")
"""


@pytest.fixture
def repo(baked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(baked, tmp_path / "repo"))


@contextmanager
def running(repo: Path, *options: str) -> Iterator[tuple[Terminal, Target]]:
    port = processes.free_port()
    environment = {"PATH": os.environ["PATH"], "PORT": str(port), "JANUS_ARTIFACTS_DIR": str(repo.parent / "artifacts")}
    command = [sys.executable, "-m", "competitor", "run", *options]
    with Terminal(command, repo, environment) as terminal:
        yield terminal, Target(f"http://127.0.0.1:{port}", timeout=processes.PATIENCE_SECONDS)


def asked(target: Target, prompt: str = "Hi") -> str:
    return target.read_stream(question(prompt, stream=True)).text


def written(repo: Path, text: str, path: str = AGENT) -> None:
    (repo / path).write_text(text, encoding="utf-8")


def test_an_edit_a_mistake_and_its_correction(repo: Path) -> None:
    with running(repo) as (terminal, target):
        terminal.shows("is listening on")
        assert "offline model" in asked(target)

        written(repo, SAYS.format("One"))
        terminal.shows(f"{AGENT} has changed: reloading")
        terminal.shows("is listening on")
        terminal.shows("shutting down")
        assert asked(target) == "One and no more."

        written(repo, SAYS.format("Two").replace('Text("Two ")', 'Text("Two "'))
        terminal.shows(f'{AGENT}, line 8, `yield Text("Two "`: the bracket `(` was never closed.')
        terminal.shows("The last version goes on.")
        assert asked(target) == "One and no more."

        written(repo, "import pandaz\n")
        terminal.shows("the package pandaz is not installed")
        terminal.shows("The last version goes on.")
        assert asked(target) == "One and no more."

        written(repo, SAYS.format("Three"))
        terminal.shows("is listening on")
        terminal.shows("shutting down")
        assert asked(target) == "Three and no more."
        assert [head["state"] for head in target.get("/debug/requests").json()["requests"]] == ["ok"] * 5

        terminal.process.terminate()
        assert terminal.process.wait(processes.PATIENCE_SECONDS) == 0
    assert "Traceback" not in terminal.text


def test_an_open_answer_ends_in_good_form_with_the_old_code(repo: Path) -> None:
    written(repo, SAYS.format("Old"))
    with running(repo) as (terminal, target), ThreadPoolExecutor() as pool:
        terminal.shows("is listening on")
        stream = pool.submit(target.read_stream, question("slowly", stream=True))
        wait_until(lambda: b'"running"' in target.get("/debug/requests").body)
        written(repo, SAYS.format("New"))
        terminal.shows("reloading")
        terminal.shows("shutting down")
        assert asked(target) == "New and no more."
        old = stream.result()
        assert (old.text, old.done) == ("Old and no more.", True)


def test_settings_and_new_files_count_too(repo: Path) -> None:
    written(repo, SAYS.format("One"))
    with running(repo) as (terminal, target):
        terminal.shows("is listening on")
        written(repo, "JANUS_LLM_MODEL=other\nJANUS_TIMEOUT=soon\n", ".env")
        terminal.shows(".env is new: reloading")
        terminal.shows("JANUS_TIMEOUT")
        terminal.shows("The last version goes on.")
        written(repo, "JANUS_LLM_MODLE=other\n", ".env")
        terminal.shows("nothing reads the variable JANUS_LLM_MODLE; write JANUS_LLM_MODEL")
        terminal.shows("shutting down")
        written(repo, 'WORD = "Two"\n', "competitor/backend/words.py")
        terminal.shows("competitor/backend/words.py is new: reloading")
        assert asked(target) == "One and no more."


def test_a_server_that_cannot_start_waits_for_the_correction(repo: Path) -> None:
    written(repo, "async def anwser(chat): ...\n")
    with running(repo) as (terminal, target):
        terminal.shows("rename `anwser`")
        terminal.shows("Requests wait until this is corrected.")
        written(repo, SAYS.format("One"))
        terminal.shows("is listening on")
        assert asked(target) == "One and no more."


def test_without_reload_the_old_code_goes_on(repo: Path) -> None:
    with running(repo, "--no-reload") as (terminal, target):
        terminal.shows("is listening on")
        written(repo, SAYS.format("New"))
        time.sleep(1.5)
        assert "offline model" in asked(target)
        assert "reload" not in terminal.text


def test_nothing_is_left_if_the_server_is_killed(repo: Path) -> None:
    with running(repo) as (terminal, target):
        terminal.shows("is listening on")
        terminal.process.kill()
        wait_until(lambda: not is_taken(target.url))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + processes.PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_taken(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as trial:
        return trial.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("options", [["--reload"], []], ids=["with reload", "without"])
def test_a_port_that_is_taken(options: list[str], baked: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        environment = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port), "JANUS_LOG_FORMAT": "text"}
        done = subprocess.run(
            [sys.executable, "-m", "competitor", "serve", *options],
            cwd=baked,
            env=environment,
            capture_output=True,
            text=True,
            timeout=processes.PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 1
    said = f"Port {port} is taken by another program; write `PORT={port + 1} make run`, or end that program."
    assert said in done.stderr
    assert "Traceback" not in done.stderr
