"""Uses the OpenAI SDK to test what the core does for every backend. The generated repo tests the rest."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from competitor.checks import Target

from ...template_path import contract_tests
from ..servers import PATIENCE_SECONDS

HELLO = contract_tests("test_openai_sdk").HELLO


@pytest.fixture(scope="module")
def client(offline: Target) -> OpenAI:
    return OpenAI(base_url=f"{offline.url}/v1", api_key="none", max_retries=0, timeout=PATIENCE_SECONDS)


def test_usage_in_a_chunk_of_its_own(client: OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="any", messages=HELLO, stream=True, stream_options=options))
    assert [chunk.usage is not None for chunk in chunks].count(True) == 1
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None


def test_a_bad_request_raises_what_the_sdk_promises(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match=r"temperature must be at most 2") as raised:
        client.chat.completions.create(model="any", messages=HELLO, temperature=3)
    assert raised.value.param == "temperature"
    assert raised.value.code == "invalid_value"
    assert raised.value.type == "invalid_request_error"


def test_the_models_are_listed(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()]
