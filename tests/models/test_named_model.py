"""Tests which model is asked for: the one that the backend names, else the default, else the request's (E9)."""

import asyncio
from typing import Any

import pytest

from ..backends.chats import Asked
from .wires import ModelServer, text

NAMED: dict[str, Any] = {"model": "named"}
DEFAULT = {"JANUS_LLM_MODEL": "default"}


@pytest.mark.parametrize(
    ("options", "environment", "wanted"),
    [(NAMED, DEFAULT, "named"), (NAMED, {}, "named"), ({}, DEFAULT, "default"), ({}, {}, "of-the-request")],
)
def test_the_model_of_a_call(
    options: dict[str, Any], environment: dict[str, str], wanted: str, models: ModelServer
) -> None:
    async def call() -> str:
        asked = Asked(models.url, environment=environment, model="of-the-request")
        completion = asked.chat.complete(**options)
        async for _ in completion:
            pass
        await asked.close()
        return completion.model

    models.reset(text("Hello"))
    assert asyncio.run(call()) == wanted
    assert [body["model"] for body in models.asked] == [wanted]
