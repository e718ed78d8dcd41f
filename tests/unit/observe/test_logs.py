"""Tests that logs are structured and readable, and contain no secret."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competitor.core.observe.logs import _KEY_LIKE, HIDDEN, MIN_SECRET_CHARACTERS, JsonLines, Readable, conceal


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


ODD_SECRETS = ("e", "1", '"', "\n", "secret]", "[secret]", "aaaaaaaaaa")
SECRETS = st.text(min_size=1, max_size=24) | st.sampled_from(ODD_SECRETS)


EXAMPLES, EXAMPLES_OF_A_SAMPLE = 10_000, 1_000


@pytest.mark.torture("E", "pairs of a secret and a text: the line stays JSON, and nothing leaks")
def test_a_line_stays_json_nothing_leaks_and_nothing_else_changes(whole: bool, record_property: Any) -> None:
    examples = EXAMPLES if whole else EXAMPLES_OF_A_SAMPLE
    settings(deadline=None, max_examples=examples)(assert_that_only_secrets_are_hidden)()
    record_property("count", examples)


@given(st.lists(SECRETS, max_size=4), st.lists(st.text(max_size=12), max_size=6), st.data())
def assert_that_only_secrets_are_hidden(secrets: list[str], others: list[str], data: st.DataObject) -> None:
    parts = data.draw(st.permutations([*others, *secrets]))
    text = "".join(parts)
    given_record = record(text, detail={"a": [text, 1, True]}, n=1)
    line = JsonLines(secrets).format(given_record)
    parsed = json.loads(line)
    long = [secret for secret in secrets if len(secret) >= MIN_SECRET_CHARACTERS]
    for shown in (parsed["message"], parsed["detail"]["a"][0]):
        # What is left of the text between two hidden places contains no secret.
        assert not any(secret in part for part in shown.split(HIDDEN) for secret in long if secret not in HIDDEN)
        if not any(secret in text for secret in long) and not _KEY_LIKE.search(text):
            assert shown == text
    assert parsed["detail"]["a"][1:] == [1, True]
    assert parsed["n"] == 1
    readable = Readable(secrets, colour=False).format(given_record)
    assert "\n" not in readable
    assert "\x1b" not in readable


def test_secrets_that_overlap_are_hidden_completely() -> None:
    shown = conceal("x abcdefgh1234zzzz y", ["abcdefgh1234", "efgh1234zzzz"])
    assert shown == f"x {HIDDEN} y"
    assert conceal("x abcdefgh12345678 y", ["abcdefgh12345678", "defgh123"]) == f"x {HIDDEN} y"


@pytest.mark.parametrize("short", ["e", "1", "EMPTY", "ollama", "1234567"])
def test_a_short_secret_is_not_looked_for(short: str) -> None:
    assert conceal(f"here {short} stays", [short]) == f"here {short} stays"


def test_a_line_break_of_a_caller_does_not_forge_a_line() -> None:
    forged = "model\n12:00:00 error   forged\x1b[31m"
    try:
        raise ValueError(forged)
    except ValueError as error:
        made = record(forged, model=forged, exc_info=(type(error), error, error.__traceback__))
    lines = Readable([], colour=False).format(made).splitlines()
    assert [line for line in lines if not line.startswith("    ")] == lines[:1]
    assert not any("\x1b" in line for line in lines)
