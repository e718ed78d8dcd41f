"""Tests that no answer is lost while one model of a list answers: with each fault of the first one, in each variant.

The first model is tests/torture/faulty_upstream.py, which plays the fault that the prompt names. The agent goes on with
the second model, too, where the first one fails in the middle of its answer.
"""

import re
import socket
import time
from typing import Any

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import question
from competitor.core.chat import _names as names

from ..template_path import contract_tests
from ..torture.conftest import Faulty, faulty
from ..torture.faulty_upstream import FAULTS, SECRET
from .conftest import ServeOwn
from .wires import ModelServer, text

__all__ = ["faulty"]

lateness = contract_tests("lateness")
Json = dict[str, Any]

SECOND = "This is the second model."
FALLBACK_SECONDS = 0.5
# Within this time of the failure, the next model's first delta must be there.
FIRST_DELTA_SECONDS = 2.0
LIMITS = {
    "JANUS_MODELS_AT_DEFAULT": "false",
    "JANUS_LLM_FALLBACK_SECONDS": str(FALLBACK_SECONDS),
    "JANUS_LLM_SILENCE_SECONDS": "2",
    "JANUS_PACING": "off",
}
# After these, the first model's answer is complete.
HARMLESS = {"none", "CR LF", "only CR", "chunks of one byte", "nonsensical usage"}
# These are answers of a working server that are too long.
TOO_LONG = {"endless text", "a line of 10 MB"}
CASES = sorted(FAULTS.keys() - TOO_LONG)

MODELS = """
from ..api import Model

MODELS = {
    "first": Model("model-1", base_url="%s/v1", price_in=1, price_out=1),
    "second": Model("model-2", base_url="%s", price_in=2, price_out=3),
}
"""
AGENT = """
from ..api import UpstreamError

async def answer(chat):
    try:
        yield chat.complete(models=["first", "second"])
    except UpstreamError as error:
        said = [{"role": "assistant", "content": error.said}] if error.said else []
        yield chat.complete([*chat.messages, *said], model="second")
"""
LANGCHAIN_AGENT = """
from langchain.agents import create_agent

from ..adapters.langchain import ChatJanus, CompetitorMiddleware, stream
from ..api import UpstreamError

agent = create_agent(
    model=ChatJanus(shown=True, models=["first", "second"]), middleware=[CompetitorMiddleware(lambda chat: [])]
)

async def answer(chat):
    try:
        async for event in stream(agent, chat):
            yield event
    except UpstreamError:
        yield chat.complete(model="second")
"""


@pytest.fixture(scope="module")
def server(variant: str, serve_own: ServeOwn, session_models: ModelServer, faulty: Faulty) -> Target:
    agent = LANGCHAIN_AGENT if variant == "langchain" else AGENT
    files = {"agent.py": agent, "models.py": MODELS % (faulty.url, session_models.url)}
    target = serve_own(files, LIMITS)
    session_models.reset(text(SECOND))
    target.ask("fault: 400")  # a framework may still be loading
    return target


def test_the_faults_are_many() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize("fault", CASES)
def test_the_answer_is_the_next_model_s(fault: str, server: Target, models: ModelServer) -> None:
    def measured() -> None:
        models.reset(text(SECOND))
        stream = server.read_stream(question(f"fault: {fault}", stream=True))
        well_formed(stream, fault)
        assert SECRET not in repr(stream.lines)
        if fault in HARMLESS:
            assert (stream.text, len(models.asked)) == ("Hello ", 0)
            return
        told, _, rest = stream.text.rpartition(SECOND)
        assert (rest, len(models.asked)) == ("", 1), stream.text
        assert told in ("", "Hello ", "\u00e9", "\u00e9\U0001f600"), "something was said twice"
        if not told:
            first = next(at for at, delta in stream.deltas if delta.get("content"))
            assert first < FALLBACK_SECONDS + FIRST_DELTA_SECONDS

    lateness.measured_on_time(measured)


@pytest.mark.parametrize("fault", ["429, try again at once", "silent from the start", "200 with a page"])
def test_a_whole_answer_is_the_next_model_s_with_the_sum_of_usage(
    fault: str, server: Target, models: ModelServer
) -> None:
    models.reset(text(SECOND))
    said = server.post(question(f"fault: {fault}")).json()
    assert said["choices"][0]["message"]["content"] == SECOND
    assert said["usage"]["prompt_tokens"] == 20
    assert said["usage"]["cost_usd"] == pytest.approx((20 * 2 + 7 * 3) / 1e6)
    assert [body["model"] for body in models.asked] == ["model-2"]


def test_a_slow_model_gets_more_time_if_no_other_one_answers(
    serve_own: ServeOwn, models: ModelServer, faulty: Faulty
) -> None:
    """The first model is slow, and the second one refuses every request."""
    files = {
        "agent.py": "async def answer(chat):\n    yield chat.complete(models=['first', 'second'])\n",
        "models.py": MODELS.replace("/v1", "", 1) % (models.url, f"{faulty.url}/v1"),
    }
    target = serve_own(files, {**LIMITS, "JANUS_LLM_ATTEMPTS": "1"})
    models.reset(text(SECOND), text(SECOND), rule=lambda body: time.sleep(1.5) or "")  # type: ignore[func-returns-value]
    said = target.post(question("fault: 401")).json()
    assert said["choices"][0]["message"]["content"] == SECOND
    assert len(models.asked) == 2


def fallbacks(server: Target) -> float:
    figures = server.get("/metrics").body.decode()
    found = re.search(r'^janus_fallbacks_total\{gen_ai_request_model="model-2"\} (\S+)$', figures, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_metrics_say_which_model_answered(server: Target, models: ModelServer) -> None:
    before = fallbacks(server)
    models.reset(text(SECOND))
    server.ask("fault: 500")
    assert fallbacks(server) == before + 1


def test_an_answer_counts_while_the_first_model_is_unreachable(
    variant: str, serve_own: ServeOwn, models: ModelServer
) -> None:
    """In the second request, the first model is not asked, since it could not be reached a moment ago."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, but it does not listen
        agent = LANGCHAIN_AGENT if variant == "langchain" else AGENT
        first = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        target = serve_own({"agent.py": agent, "models.py": MODELS % (first, models.url)}, LIMITS)
        for number in (1, 2):
            models.reset(text(SECOND))
            assert target.post(question("Hello")).json()["choices"][0]["message"]["content"] == SECOND
            assert fallbacks(target) == number


def test_health_names_the_models(server: Target) -> None:
    about = server.get("/health").json()["models"]
    assert about.keys() == {"first", "second"}
    assert about["second"].startswith("model-2 at 127.0.0.1:")


def test_a_name_that_stands_twice_in_a_list_is_asked_once() -> None:
    assert names(None, ["first", "second", "first"]) == ("first", "second")
