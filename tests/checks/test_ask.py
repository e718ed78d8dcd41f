"""Tests what `competitor ask` prints of a stream, and that a reader of any command's output may leave early."""

import json
import subprocess
import sys

import pytest

from competitor.checks.commands.printers import Printer

from ..template_path import UNBAKED


def delta(**fields: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": fields}]}).encode()


def test_reasoning_and_text_stand_apart(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer()
    for line in (
        delta(reasoning_content="Let me "),
        delta(reasoning_content="see."),
        delta(content="It is "),
        delta(content="7."),
    ):
        printer.line(line)
    for line in (delta(reasoning_content="The sandbox ends."), b": ping", b"data: [DONE]"):
        printer.line(line)
    assert capsys.readouterr().out == "Let me see.\n\nIt is 7.\n\nThe sandbox ends."


def test_a_reader_of_the_output_may_leave() -> None:
    process = subprocess.Popen(
        [sys.executable, "-Bm", "competitor", "check", "--list"],
        cwd=UNBAKED,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (1, "")
