"""Tests that the body of a call is JSON, whatever texts it holds."""

import json

import pytest

from competitor.core.model.completion import _encoded


@pytest.mark.parametrize("text", ["x", "é\u2028\U0001f600", 'a "quote"', "half a pair: \ud83d", "\x00\x1f"])
def test_every_text_arrives_unchanged(text: str) -> None:
    body = {"messages": [{"role": "user", "content": text}], "temperature": 0.5, "stop": None}
    assert json.loads(_encoded(body)) == body
