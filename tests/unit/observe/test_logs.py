"""Tests that logs are structured and readable, and contain no secret."""

import json
import logging
from typing import Any

import pytest

from competitor.core.observe.logs import HIDDEN, JsonLines, Readable


def record(message: str, **fields: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "competitor.test", "levelname": "INFO", "levelno": 20, "msg": message})
    made.__dict__.update(fields)
    return made


def test_a_line_is_one_json_object_with_its_fields() -> None:
    line = JsonLines([]).format(record("request\nsecond line", request_id="r1", ttft_ms=12, failure=None))
    assert "\n" not in line
    parsed = json.loads(line)
    assert parsed["message"] == "request\nsecond line"
    assert parsed["request_id"] == "r1"
    assert parsed["ttft_ms"] == 12
    assert "failure" not in parsed
    assert parsed["time"].endswith("+00:00")


@pytest.mark.parametrize(
    "leak",
    [
        "the key is my-own-secret.",
        "Authorization: Bearer abc.def-123",
        "Incorrect API key provided: sk-proj-abcdef123456",
        'headers {"authorization": "bearer cpk_0123456789abcdef"}',
    ],
)
def test_secrets_are_hidden_wherever_they_occur(leak: str) -> None:
    for formatter in (JsonLines(["my-own-secret"]), Readable(["my-own-secret"], colour=False)):
        for line in (formatter.format(record(leak)), formatter.format(record("x", detail=leak))):
            assert HIDDEN in line
            for secret in ("my-own-secret", "abc.def-123", "sk-proj-abcdef123456", "cpk_0123456789abcdef"):
                assert secret not in line


def test_an_exception_is_part_of_the_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError as error:
        made = record("failed", exc_info=(type(error), error, error.__traceback__))
    assert "ValueError: broken" in json.loads(JsonLines([]).format(made))["exception"]


def test_a_line_in_text_format_has_level_message_and_fields() -> None:
    line = Readable([], colour=False).format(record("listening", port=8080))
    assert line.endswith("info    listening  port=8080")
    assert "\x1b[36m" in Readable([], colour=True).format(record("listening"))
