"""Tests `chat.ask`, and failures that a backend sees at its `yield`, in each variant; what the upstream gets, too."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import question

from .conftest import ServeOwn
from .wires import ModelServer, text

Json = dict[str, Any]

MODELS = """
from ..api import Model

MODELS = {"small": Model("small-1", price_in=1, price_out=1)}
"""
AGENT = """
import asyncio

from pydantic import BaseModel, Field

from ..api import Finish, Source, Text, UpstreamError


class Town(BaseModel):
    name: str
    people: int = Field(ge=0)


class Broken(Source):
    async def pour(self, sink):
        sink.text("Half. ")
        raise LookupError("lost")


async def text(chat):
    yield Text(await chat.ask("What is it?", temperature=0.5))


async def town(chat):
    found = await chat.ask("Which town?", schema=Town, model="small")
    yield Text(f"{found.name} has {found.people}.")


async def three(chat):
    told = await asyncio.gather(*(chat.ask(f"Number {number}", model="small") for number in range(3)))
    yield Text(" ".join(told))


async def one_fails(chat):
    told = await asyncio.gather(chat.ask("Number 1"), chat.ask("Number 2"), return_exceptions=True)
    yield Text(" ".join(sorted(one if isinstance(one, str) else one.kind for one in told)))


async def caught(chat):
    try:
        yield chat.complete()
        yield Text("not reached")
    except UpstreamError as error:
        yield Text(f"[{error.kind} after {error.said!r}]")


async def caught_twice(chat):
    for _ in range(2):
        try:
            yield chat.complete()
        except UpstreamError as error:
            last = error.kind
    yield Text(f"[{last}]")
    yield Finish("length")
    yield Text("not reached")


async def caught_and_silent(chat):
    try:
        yield chat.complete()
    except UpstreamError:
        return


async def uncaught(chat):
    try:
        yield chat.complete()
    finally:
        chat.log.info("cleaned up")


async def own_source(chat):
    try:
        yield Broken()
    except LookupError:
        yield Text("Found.")


async def unasked(chat):
    completion = chat.complete()
    try:
        yield Text(completion.text)
    except RuntimeError as error:
        yield Text(str(error))


async def both(chat):
    yield chat.complete(model="small", models=["small"])


def answer(chat):
    return globals()[chat.text](chat)
"""
BROKEN_OFF = 'data: {"choices":[{"index":0,"delta":{"content":"Hello "}}]}\n\n'
OVERLOADED = 'data: {"error":{"message":"overloaded","code":503}}\n\n'
TOWN = '{"name": "Oslo", "people": 700000}'


@pytest.fixture(scope="module")
def server(serve_own: ServeOwn, session_models: ModelServer) -> Target:
    environment = {"JANUS_LLM_BASE_URL": session_models.url, "JANUS_LLM_ATTEMPTS": "1", "JANUS_LLM_MODEL": "default"}
    target = serve_own({"agent.py": AGENT, "models.py": MODELS}, environment)
    session_models.reset(text("ready"))
    target.ask("text")  # a framework may still be loading
    return target


@pytest.fixture(params=["whole", "stream"])
def ask(request: pytest.FixtureRequest, server: Target) -> Callable[..., tuple[str, Json]]:
    """Asks in both modes. Returns the answer's text and usage."""

    def asked(prompt: str, **fields: Any) -> tuple[str, Json]:
        if request.param == "whole":
            said = server.post({**question(prompt), **fields}).json()
            return said["choices"][0]["message"]["content"], said["usage"]
        stream = server.read_stream({**question(prompt, stream=True), **fields})
        well_formed(stream, prompt)
        (usage,) = [chunk["usage"] for _, chunk in stream.chunks if "usage" in chunk]
        return stream.text, usage

    return asked


class TestAsk:
    def test_a_text(self, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(text("An answer."))
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        said, usage = ask("text", tools=tools, max_tokens=5)
        assert said == "An answer."
        assert usage["total_tokens"] == 27
        (body,) = models.asked
        assert body == {
            "model": "default",
            "messages": [{"role": "user", "content": "What is it?"}],
            "temperature": 0.5,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    @pytest.mark.parametrize("said", [TOWN, f"```json\n{TOWN}\n```", f"Here it is: {TOWN} Is it right?"])
    def test_an_object(self, said: str, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(text(said))
        assert ask("town")[0] == "Oslo has 700000."
        (body,) = models.asked
        assert body["model"] == "small-1"
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["name", "people"]
        assert '"people"' in body["messages"][0]["content"]

    def test_an_object_is_repaired_once(self, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(text('{"name": "Oslo", "people": -1}'), text(TOWN))
        said, usage = ask("town")
        assert said == "Oslo has 700000."
        assert usage["total_tokens"] == 2 * 27
        assert usage["cost_usd"] == pytest.approx(54e-6)
        *_, told, repair = models.asked[1]["messages"]
        assert (told["role"], told["content"]) == ("assistant", '{"name": "Oslo", "people": -1}')
        assert "people: Input should be greater than or equal to 0" in repair["content"]

    def test_an_object_that_does_not_fit_twice_is_a_failure(
        self, ask: Callable[..., tuple[str, Json]], models: ModelServer
    ) -> None:
        models.reset(text("No."), text("Never."))
        assert ask("town")[0] == "The model did not answer in the form that this competitor needs."
        assert len(models.asked) == 2

    def test_a_server_without_schemas_is_asked_in_words(
        self, ask: Callable[..., tuple[str, Json]], models: ModelServer
    ) -> None:
        refused = "response_format json_schema is not supported"
        models.reset(text(TOWN), rule=lambda body: refused if "response_format" in body else "")
        assert ask("town")[0] == "Oslo has 700000."

    def test_several_at_once(self, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(text("one"), text("two"), text("three"))
        said, usage = ask("three")
        assert sorted(said.split()) == ["one", "three", "two"]
        assert usage["total_tokens"] == 3 * 27
        assert sorted(body["messages"][0]["content"] for body in models.asked) == [f"Number {n}" for n in range(3)]

    def test_one_of_several_may_fail(self, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(text("one"), OVERLOADED)
        assert ask("one_fails")[0] == "in_stream one"

    def test_the_client_reads_what_is_going_on(self, server: Target, models: ModelServer) -> None:
        models.reset(text(TOWN), rule=lambda body: time.sleep(1.5) or "")  # type: ignore[func-returns-value]
        stream = server.read_stream(question("town", stream=True))
        assert "Asking small" in stream.reasoning
        assert "Oslo" not in stream.reasoning


class TestFailures:
    @pytest.mark.parametrize(
        ("failed", "wanted"),
        [(OVERLOADED, "[in_stream after '']"), (BROKEN_OFF, "Hello [broke_off after 'Hello ']")],
    )
    def test_they_are_raised_at_the_yield(
        self, failed: str, wanted: str, ask: Callable[..., tuple[str, Json]], models: ModelServer
    ) -> None:
        models.reset(failed)
        assert ask("caught")[0] == wanted

    def test_again_and_again(self, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(OVERLOADED, BROKEN_OFF)
        assert ask("caught_twice")[0] == "Hello [broke_off]"

    def test_a_backend_may_stop_after_one(self, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(BROKEN_OFF)
        assert ask("caught_and_silent")[0] == "Hello "

    def test_uncaught_it_is_told(self, ask: Callable[..., tuple[str, Json]], models: ModelServer) -> None:
        models.reset(BROKEN_OFF)
        said, _ = ask("uncaught")
        assert said == "Hello \n\nThe connection to the model's server broke off before the answer was complete."

    def test_errors_of_an_own_source_are_raised_there_too(self, ask: Callable[..., tuple[str, Json]]) -> None:
        assert ask("own_source")[0] == "Half. Found."


def test_reading_a_completion_that_was_never_asked_says_so(ask: Callable[..., tuple[str, Json]]) -> None:
    assert ask("unasked")[0].startswith("this completion has no result: the model was not asked yet. Yield ")


def test_a_model_and_models_together_are_a_mistake(ask: Callable[..., tuple[str, Json]]) -> None:
    assert ask("both")[0] == "This competitor failed while it answered."


def test_offline_an_object_has_the_form(serve_own: ServeOwn) -> None:
    said = serve_own({"agent.py": AGENT}, {}).post(question("town")).json()
    assert " has " in json.dumps(said["choices"][0]["message"]["content"])
