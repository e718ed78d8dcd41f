"""Tests `competitor eval` as a user runs it: a server behind a scripted mind, bad servers, bad files, and Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ..bakes import Bakes, sampled
from ..baking.baking import VARIANTS

QUICK = "choose,chain,reason,brief"
SECONDS = 300.0
# Parts of the score and the lowest score behind a perfect mind. Streaming and speed depend on the load of this machine.
LEAST = {"quality": 90, "modality": 90}
LEAST_COMPOSITE = 75


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    record: Any


def command(repo: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "competitor", "eval", *options]


def evaluate(repo: Path, folder: Path, *options: str, **environment: str) -> Ran:
    """Runs the command in a generated repo. Its results go to `eval.json` in the folder."""
    file = folder / "eval.json"
    ran = subprocess.run(
        command(repo, *options, "--json", str(file)),
        cwd=repo,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.stderr == ""
    return Ran(ran.returncode, ran.stdout, json.loads(file.read_text(encoding="utf-8")) if file.exists() else None)


@contextmanager
def server(handle: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A server whose answers to chat requests come from `handle`; it is healthy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status": "ok", "model": "some-model"}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                handle(self, body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None: ...

    running = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}"
    finally:
        running.shutdown()
        running.server_close()


def head(handler: BaseHTTPRequestHandler, kind: str = "text/event-stream") -> None:
    handler.send_response(200)
    handler.send_header("content-type", kind)
    handler.send_header("connection", "close")
    handler.end_headers()


def chunk(text: str, usage: int | None = None) -> bytes:
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    counted = {"usage": {"prompt_tokens": usage - 1, "completion_tokens": 1, "total_tokens": usage}} if usage else {}
    return b"data: " + json.dumps({"choices": choices, **counted}).encode() + b"\n\n"


def says(text: str, tokens: int = 10) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        head(handler)
        handler.wfile.write(chunk(text, tokens) + b"data: [DONE]\n\n")

    return handle


@pytest.mark.parametrize("variant", sampled(VARIANTS, ("tools", "langchain")))
def test_no_variant_loses_what_a_perfect_model_knows(variant: str, bakes: Bakes, tmp_path: Path) -> None:
    skipped = "stream,code,rules" if variant == "sandbox" else "stream"  # its agent is a small script
    html = tmp_path / "eval.html"
    options = ("--mind", "perfect", "--subset", "2", "--skip", skipped, "--html", str(html))
    ran = evaluate(bakes(variant), tmp_path, "--here", *options)
    assert ran.code == 0, ran.out
    assert {part: ran.record["parts"][part] for part in LEAST if ran.record["parts"][part] < LEAST[part]} == {}
    assert ran.record["score"] >= LEAST_COMPOSITE, ran.out
    assert " tasks for my-competitor, model scripted-mind\n" in ran.out
    assert "\nScore " in ran.out
    page = html.read_text(encoding="utf-8")
    assert "of 100</h1>" in page
    assert "<script" not in page
    assert not (tmp_path / "eval.json.part").exists()


def test_the_offline_model_is_evaluated_without_a_question(bakes: Bakes, tmp_path: Path) -> None:
    ran = evaluate(bakes("proxy"), tmp_path, "--here", "--subset", "3", "--kind", QUICK)
    assert ran.code == 0, ran.out
    assert ran.record["about"]["model"] == "offline-model"
    assert 0 < ran.record["score"] < 100
    assert len(ran.record["results"]) == 12


def test_two_runs_with_one_seed_have_the_same_grades_and_a_flaw_is_found(bakes: Bakes, tmp_path: Path) -> None:
    repo = bakes("proxy")
    found: list[Any] = []
    for name in ("perfect", "perfect", "forgetful"):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        options = ("--mind", name, "--subset", "4", "--kind", QUICK, "--seed", "3")
        found.append(evaluate(repo, folder, "--here", *options).record)
    one, two, flawed = ([(each["id"], each["points"], each["tokens"]) for each in run["results"]] for run in found)
    assert sorted(one) == sorted(two)
    assert sorted(one) != sorted(flawed)

    def compare(before: int, after: int) -> tuple[int, str]:
        names = [str(tmp_path / str(number) / "eval.json") for number in (before, after)]
        ran = subprocess.run(command(repo, "compare", *names), cwd=repo, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stdout

    assert compare(0, 0)[0] == 0
    assert compare(0, 0)[1].startswith("No difference (+0.0")
    code, said = compare(0, 2)
    assert code == 1
    assert said.startswith("Worse by ")
    code, said = compare(2, 0)
    assert code == 0
    assert said.startswith("Better by ")


def test_ctrl_c_keeps_what_was_done_and_the_same_command_continues(bakes: Bakes, tmp_path: Path) -> None:
    repo, file = bakes("proxy"), tmp_path / "eval.json"
    asked: list[bytes] = []
    waits = threading.Event()

    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked.append(body)
        if len(asked) > 6 and not waits.is_set():
            waits.set()
            time.sleep(SECONDS)
        says("Answer: 1")(handler, body)

    options = ("--subset", "5", "--kind", "reason,brief", "--concurrency", "1", "--budget", "none", "--json", str(file))
    with server(handle) as url:
        process = subprocess.Popen(
            command(repo, url, *options), cwd=repo, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert waits.wait(SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (130, "")
        assert "The same command continues this run." in out
        done = len(json.loads(file.read_text(encoding="utf-8"))["results"])
        assert 0 < done < 10
        before = len(asked)
        ran = evaluate(repo, tmp_path, url, *options[:-2])
    assert ran.code == 0
    assert f"{done} tasks were done before" in ran.out
    assert len({each["id"] for each in ran.record["results"]}) == len(ran.record["results"]) == 10
    assert len([body for body in asked[before:] if b"Answer" in body or b"nswer" in body]) <= 10 - done + 1


def test_a_budget_is_asked_for_and_kept(bakes: Bakes, tmp_path: Path) -> None:
    spent = 0

    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        nonlocal spent
        spent += 100
        says("Answer: 1", 100)(handler, body)

    options = ("--subset", "30", "--kind", "brief,reason")
    with server(handle) as url:
        ran = evaluate(bakes("proxy"), tmp_path, url, *options)
        assert ran.code == 2
        assert "--budget" in ran.out
        assert spent == 0
        ran = evaluate(bakes("proxy"), tmp_path, url, *options, "--budget", "2000")
        assert ran.code == 3
        assert "The budget of 2000 tokens does not allow another task" in ran.out
        assert 1000 <= spent <= 2000 + 100  # the health check asks one question
        ran = evaluate(bakes("proxy"), tmp_path, url, *options, "--fresh", "--budget", "0.001usd", "--price", "1/2")
        assert ran.code == 3
        assert "USD" in ran.out
        before = ran.record
        ran = evaluate(bakes("proxy"), tmp_path, url, *options, "--fresh", "--budget", "1")
        assert ran.code == 3
        assert "Nothing was measured" in ran.out
        assert ran.record == before, "an earlier report stays"


def hangs(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    time.sleep(SECONDS)


def floods(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    head(handler)
    while True:
        handler.wfile.write(chunk("flood " * 10_000) * 50)


def nonsense(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    head(handler)
    handler.wfile.write(b'data: {"choices": [[[{"delta": 7}]]], "usage": "none"}\n\ndata: \xff\n\n')


def brackets(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    head(handler)
    handler.wfile.write(chunk("[" * 100_000) + b"data: [DONE]\n\n")


def breaks_off(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    head(handler)
    handler.wfile.write(chunk("Answer"))
    handler.connection.close()


@pytest.mark.parametrize("bad", [hangs, floods, nonsense, brackets, breaks_off])
def test_a_bad_server_gets_no_points_and_a_reason(
    bad: Callable[[BaseHTTPRequestHandler, bytes], None], bakes: Bakes, tmp_path: Path
) -> None:
    with server(bad) as url:
        options = ("--subset", "1", "--kind", "rules,reason", "--budget", "none", "--timeout", "3")
        ran = evaluate(bakes("proxy"), tmp_path, url, *options)
    assert ran.code == 0, ran.out
    assert [each["points"] for each in ran.record["results"]] == [0, 0]
    assert all(each["why"] for each in ran.record["results"])
    assert "Traceback" not in ran.out


def test_a_server_that_is_gone_ends_the_run(bakes: Bakes, tmp_path: Path) -> None:
    answers = iter(range(4))

    def handle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if next(answers, None) is None:
            handler.connection.close()
        else:
            says("Answer: 1")(handler, body)

    with server(handle) as url:
        ran = evaluate(bakes("proxy"), tmp_path, url, "--kind", "reason,brief,read", "--budget", "none")
    assert ran.code == 3
    assert "The server does not answer any more" in ran.out
    assert 1 <= len(ran.record["results"]) <= 4
    assert not [each for each in ran.record["results"] if "connection" in each["why"]], "they are asked again"


def test_nothing_listens(bakes: Bakes, tmp_path: Path) -> None:
    ran = evaluate(bakes("proxy"), tmp_path, "http://127.0.0.1:9")
    assert ran.code == 2
    assert ran.out.count("\n") == 1
    assert ran.out.startswith("Nothing answers at http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--kind", "poetry"), "There is no kind of task poetry"),
        (("--kind", "brief", "--skip", "brief"), "No kind of task is left"),
        (("--subset", "0"), "--subset must be between 1 and"),
        (("--mind", "perfect"), "--mind needs a server that is started here"),
        (("--here", "--mind", "clever"), "There is no mind clever"),
        (("--budget", "much"), "--budget 'much' is no budget"),
        (("--budget", "1usd"), "needs the prices of a million tokens"),
        (("ftp://x",), "is not the URL of a server"),
        (("a", "b"), "One URL is needed"),
        (("compare", "a.json"), "Two reports are needed"),
        (("compare", "missing.json", "missing.json"), "missing.json cannot be read"),
        (("compare", "pyproject.toml", "pyproject.toml"), "pyproject.toml is not a report of an evaluation"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(
    options: tuple[str, ...], said: str, bakes: Bakes, tmp_path: Path
) -> None:
    ran = evaluate(bakes("proxy"), tmp_path, *options)
    assert ran.code == 2
    assert said in ran.out
    assert ran.out.count("\n") == 1


@pytest.mark.parametrize("text", ["-3", "0", "nan", "soon"])
def test_a_time_limit_is_a_number_of_seconds(text: str, bakes: Bakes) -> None:
    ran = subprocess.run(
        command(bakes("proxy"), "--timeout", text), cwd=bakes("proxy"), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert f"{text!r} is not a number of seconds" in ran.stderr


def test_reports_go_into_new_folders_and_are_tried_before_the_run(bakes: Bakes, tmp_path: Path) -> None:
    options = ("--subset", "1", "--kind", "brief", "--budget", "none")
    with server(says("yes")) as url:
        new = tmp_path / "new" / "eval.html"
        assert evaluate(bakes("proxy"), tmp_path, url, *options, "--html", str(new)).code == 0
        assert new.exists()
        ran = evaluate(bakes("proxy"), tmp_path, url, *options, "--html", "pyproject.toml/eval.html")
    assert ran.code == 2
    assert "cannot be written" in ran.out
    assert ran.out.count("\n") == 1


@pytest.mark.parametrize("text", ["[]", '{"format": "janus-evaluation/1"}', "[" * 10_000, "", '{"format": "other"}'])
def test_a_file_that_is_no_report_is_refused(text: str, bakes: Bakes, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text, encoding="utf-8")
    ran = evaluate(bakes("proxy"), tmp_path, "compare", str(file), str(file))
    assert ran.code == 2
    assert "report of an evaluation" in ran.out
    assert ran.out.count("\n") == 1


def test_a_judge_grades_long_texts_and_may_fail(bakes: Bakes, tmp_path: Path) -> None:
    asked: list[Any] = []

    def judge(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked.append(json.loads(body))
        said = "7" if len(asked) == 1 else "I cannot judge this."
        reply = json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()
        handler.send_response(200)
        handler.send_header("content-length", str(len(reply)))
        handler.end_headers()
        handler.wfile.write(reply)

    words = " ".join(["word"] * 400)
    with server(judge) as url, server(says(words)) as competitor:
        options = ("--subset", "2", "--kind", "stream", "--budget", "none")
        ran = evaluate(bakes("proxy"), tmp_path, competitor, *options, JANUS_JUDGE_URL=f"{url}/v1")
    assert ran.code == 0, ran.out
    assert sorted(each["points"] for each in ran.record["results"]) == [0.7, 1]
    assert "The judge did not grade 1 answers" in ran.out
    assert words in asked[0]["messages"][0]["content"]


def test_research_does_not_count_for_a_server_that_cannot_reach_the_library(bakes: Bakes, tmp_path: Path) -> None:
    with server(says("Answer: 1")) as url:
        ran = evaluate(bakes("proxy"), tmp_path, url, "--subset", "2", "--kind", "research,brief", "--budget", "none")
    assert ran.code == 0
    assert "research was not measured" in ran.out
    assert set(ran.record["kinds"]) == {"brief"}


def test_the_kinds_and_minds_are_listed(bakes: Bakes, tmp_path: Path) -> None:
    ran = evaluate(bakes("proxy"), tmp_path, "--list")
    assert ran.code == 0
    assert "choosing one of the client's tools" in ran.out
    assert "weak:20" in ran.out
