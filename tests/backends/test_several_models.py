"""Tests the section "Several models" of each backend's README: its code is put where it says in agent.py.

What the model's server gets is compared: which model is asked, with which tools, and how another one goes on.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.target import question

from ..bakes import Bakes
from ..models.conftest import models, session_models, variant
from ..models.wires import ModelServer, call, text
from ..template_path import contract_tests
from .conftest import WITH_TOOLS
from .test_cookbook import BROKEN_OFF, FAILED, HARD

__all__ = ["models", "session_models", "variant"]

processes = contract_tests("processes")
DECLARED = 'from ..api import Model\n\nMODELS = {"fast": Model("small-1"), "big": Model("large-1")}\n'
WORDS = "It took some time, but " * 5  # more than a backend with tools holds back
BROKEN_OFF_LATE = BROKEN_OFF.replace("Long ago, ", WORDS)
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
BROKEN_OFF_CALL = call("weather", {"city": "Paris"}).split('data: {"choices":[{"index":0,"delta":{},"finish')[0]
SUM = call("calculator", {"expression": "6 * 7"})


def with_the_code_of_the_readme(backend: Path, variant: str) -> str:
    """The text of agent.py, changed as the README says."""
    page = (backend / "README.md").read_text(encoding="utf-8").split("## Several models\n")[1]
    first, *others = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    agent = (backend / "agent.py").read_text(encoding="utf-8")
    changes = {
        "proxy": [(r"    reply = chat\.complete\(messages\)\n", first), (r"    yield reply\n", "".join(others))],
        "sandbox": [(r"    reply = chat\.complete\(\)\n", first), (r"    yield reply\n", "".join(others))],
        "tools": [
            (r"(?<=    messages = chat\.messages\n)", first),
            (r"(?<=chat\.complete\(messages,)", " models=models,"),
            (r"        yield turn  #.*\n", "".join(others)),
        ],
        "langchain": [(r"async def answer.*\Z", first)],
        "langgraph": [(r"async def answer.*\Z", first)],
        "openai-agents": [(r"async def answer.*\Z", first)],
        "pydantic-ai": [(r"async def answer.*\Z", first)],
    }
    for old, new in [(r"(from \.\.api import .*)", r"\1, UpstreamError"), *changes[variant]]:
        agent, count = re.subn(old, new, agent, flags=re.DOTALL if r"\Z" in old else 0)
        assert count, old
    return agent


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "log.txt"


@pytest.fixture(scope="module")
def server(
    variant: str, bakes: Bakes, tmp_path_factory: pytest.TempPathFactory, log: Path, session_models: ModelServer
) -> Iterator[Target]:
    project = Path(shutil.copytree(bakes(variant), tmp_path_factory.mktemp("several") / "my-competitor"))
    backend = project / "competitor" / "backend"
    (backend / "agent.py").write_text(with_the_code_of_the_readme(backend, variant), encoding="utf-8")
    (backend / "models.py").write_text(DECLARED, encoding="utf-8")
    environment = {"JANUS_LLM_BASE_URL": session_models.url, "JANUS_LLM_MODEL": "the-image-s-model"}
    with processes.competitor({**environment, "JANUS_LLM_ATTEMPTS": "1"}, cwd=project, log=log) as (url, _):
        yield Target(url, timeout=120)


def asked(server: Target, models: ModelServer, prompt: str, *answers: str) -> tuple[str, list[str]]:
    """Returns the text of the answer, and the models that were asked for it."""
    models.reset(*answers)
    said = server.post(question(prompt)).json()["choices"][0]["message"]["content"]
    return said, [body["model"] for body in models.asked]


def test_the_request_chooses_the_model(server: Target, models: ModelServer, variant: str) -> None:
    assert asked(server, models, "Hi", text("Hello.")) == ("Hello.", ["small-1"])
    plans = [text("A plan."), text("So."), text('{"complete": true}')] if variant == "langgraph" else [text("So.")]
    assert asked(server, models, HARD, *plans) == ("So.", ["large-1"] * len(plans))


def test_the_next_model_answers_if_one_fails(server: Target, models: ModelServer) -> None:
    assert asked(server, models, "Hi", FAILED, text("I am big.")) == ("I am big.", ["small-1", "large-1"])


def test_the_next_model_goes_on_where_one_breaks_off(server: Target, models: ModelServer, log: Path) -> None:
    said, names = asked(server, models, "Hi", BROKEN_OFF, text("a time."))
    assert (said, names) == ("Long ago, a time.", ["small-1", "large-1"])
    assert models.asked[1]["messages"][-2] == {"role": "assistant", "content": "Long ago, "}
    assert "failure" in log.read_text(encoding="utf-8")


def test_the_model_that_broke_off_is_not_asked_again(server: Target, models: ModelServer) -> None:
    said, names = asked(server, models, "Hi", FAILED, BROKEN_OFF, text("a time."))
    assert (said, names) == ("Long ago, a time.", ["small-1", "large-1", "small-1"])


def test_if_all_have_failed_none_is_asked_again(server: Target, models: ModelServer) -> None:
    said, names = asked(server, models, "Hi", FAILED, FAILED)
    assert "reported an error" in said
    assert names == ["small-1", "large-1"]


def test_a_client_s_call_that_broke_off_is_not_followed_by_another(server: Target, models: ModelServer) -> None:
    models.reset(BROKEN_OFF_CALL, text("Not asked."))
    said = server.post({**question("Weather?"), "tools": [WEATHER]}).json()["choices"][0]
    assert [body["model"] for body in models.asked] == ["small-1"]
    assert "Not asked." not in str(said)


def test_one_that_has_only_thought_is_replaced_too(server: Target, models: ModelServer) -> None:
    said, names = asked(server, models, "Hi", BROKEN_OFF.replace('"content"', '"reasoning_content"'), text("Hello."))
    assert (said, names) == ("Hello.", ["small-1", "large-1"])
    assert [message["role"] for message in models.asked[1]["messages"]] == ["user"]


def test_each_turn_falls_back(server: Target, models: ModelServer, variant: str) -> None:
    if variant not in WITH_TOOLS:
        pytest.skip("this variant has no tools")
    said, names = asked(server, models, "What is 6 * 7?", FAILED, SUM, BROKEN_OFF_LATE, text("it is 42."))
    assert said.endswith(f"{WORDS}it is 42.")
    assert names == ["small-1", "large-1", "small-1", "large-1"]
    assert all([tool["function"]["name"] for tool in body["tools"]] == ["calculator"] for body in models.asked[:2])
