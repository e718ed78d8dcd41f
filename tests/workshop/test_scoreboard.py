"""Tests how the scoreboard judges a saved stream, and how it prints the steps."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from competitor.workshop.command import Score, board
from competitor.workshop.recording import recorded
from competitor.workshop.steps import STEPS

ROLE = {"choices": [{"index": 0, "delta": {"role": "assistant"}}]}
TEXT = {"choices": [{"index": 0, "delta": {"content": "Hi"}}]}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": USAGE}


def lines(*chunks: object, done: bool = True) -> bytes:
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)
    return f": ping\n\n{text}{'data: [DONE]' if done else ''}\n\n".encode()


def test_a_complete_stream_is_summed_up_in_figures() -> None:
    recording = recorded(lines(ROLE, TEXT, END))
    assert (recording.wrong, recording.chunks, recording.tokens, recording.finish_reason) == ("", 3, 3, "stop")


def test_a_file_that_powershell_wrote_is_read_too() -> None:
    data = lines(ROLE, TEXT, END).decode().replace("\n", "\r\n").encode("utf-16")
    assert recorded(data).wrong == ""


BROKEN = {
    "nothing": (b"", "does not begin with the role"),
    "no JSON": (b"data: hello\n\n", "is not a stream"),
    "no chunks": (b'data: {"a": 1}\n\n', "is not a stream"),
    "no role": (lines(TEXT, END), "does not begin with the role"),
    "no end": (lines(ROLE, TEXT), "0 finish reasons"),
    "two ends": (lines(ROLE, END, END), "2 finish reasons"),
    "no usage": (lines(ROLE, {"choices": END["choices"]}), "0 usages"),
    "no [DONE]": (lines(ROLE, TEXT, END, done=False), "does not end with [DONE]"),
}


@pytest.mark.parametrize(("data", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_recording_is_reported_with_what_is_missing(data: bytes, said: str) -> None:
    assert said in recorded(data).wrong


def test_only_the_first_step_that_is_not_done_says_what_is_missing() -> None:
    scores = [Score(step, step.number in (1, 3), f"said {step.number}") for step in STEPS]
    shown = board(scores)
    assert [number for number in range(1, 9) if f"said {number}" in shown] == [1, 2, 3]
    assert shown.splitlines()[1].startswith("  ->    2")
    assert shown.endswith("2 of 8 steps done\n")


def score(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "competitor", "workshop", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600, check=False)


def test_in_a_new_repo_one_step_is_done_and_a_pipe_gets_plain_lines(baked: Path) -> None:
    done = score(baked, "--url", "http://127.0.0.1:9")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "1 of 8 steps done" in done.stdout


def test_json_has_a_row_for_each_step(baked: Path) -> None:
    rows = json.loads(score(baked, "--json", "--url", "http://127.0.0.1:9").stdout)
    assert [row["step"] for row in rows] == list(range(1, 10))
    assert [row["done"] for row in rows] == [True] + [False] * 8
    assert all(row["said"] for row in rows)


def test_an_unknown_step_is_refused(baked: Path) -> None:
    done = score(baked, "--step", "10")
    assert done.returncode == 2
    assert "1 to 9" in done.stdout
