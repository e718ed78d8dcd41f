"""Tests what follows from the models in backend/models.py: id, server, key and price, and what the models can do."""

import asyncio
import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from competitor.api import Model
from competitor.core.errors import UpstreamError
from competitor.core.model.upstream import Upstream, able, choose, described
from competitor.core.outbound.client import HttpClient
from competitor.core.outbound.egress import Egress, EgressRefused
from competitor.core.setting_types import SettingsError
from competitor.core.settings import Settings, env_example
from competitor.core.usage import Usage

from ..backends.chats import Asked
from .wires import ModelServer, model_server, text

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
Json = dict[str, Any]


@pytest.fixture(scope="module")
def second() -> Iterator[ModelServer]:
    """Another server than `models`."""
    with model_server() as running:
        yield running


def call(asked: Asked, **options: Any) -> tuple[str, Usage | None, str]:
    """Makes one call. Returns the text, the usage and the model's name."""

    async def work() -> tuple[str, Usage | None, str]:
        completion = asked.chat.complete(**options)
        async for _ in completion:
            pass
        await asked.close()
        return completion.text, completion.usage, completion.model

    return asyncio.run(work())


class TestPrecedence:
    """The environment replaces what models.py says, and models.py what the template's answers say."""

    @pytest.mark.parametrize(
        ("environment", "id"),
        [
            ({}, "small-1"),
            ({"JANUS_LLM_MODEL": "default"}, "small-1"),
            ({"JANUS_MODEL_FAST_ID": "small-2", "JANUS_LLM_MODEL": "default"}, "small-2"),
        ],
    )
    def test_the_id(self, environment: dict[str, str], id: str, models: ModelServer) -> None:
        models.reset(text("Hello"))
        asked = Asked(models.url, environment=environment, declared={"fast": Model("small-1")})
        assert call(asked, model="fast") == ("Hello", Usage(20, 7), id)
        assert [body["model"] for body in models.asked] == [id]

    @pytest.mark.parametrize("by_environment", [True, False])
    def test_the_server(self, *, by_environment: bool, models: ModelServer, second: ModelServer) -> None:
        models.reset()
        second.reset(text("Hello"))
        declared = Model("m", base_url="https://elsewhere.example/v1" if by_environment else second.url)
        environment = {"JANUS_MODEL_FAST_BASE_URL": second.url} if by_environment else {}
        call(Asked(models.url, environment=environment, declared={"fast": declared}), model="fast")
        assert (len(models.asked), len(second.asked)) == (0, 1)

    def test_without_a_name_the_default_model_is_asked(self, models: ModelServer, second: ModelServer) -> None:
        models.reset(text("Hello"))
        second.reset()
        declared = {"fast": Model("m", base_url=second.url)}
        call(Asked(models.url, environment={"JANUS_LLM_MODEL": "default"}, declared=declared))
        assert [body["model"] for body in models.asked] == ["default"]

    @pytest.mark.parametrize(
        ("environment", "key", "sent"),
        [
            ({"JANUS_MODEL_FAST_KEY": "by-variable-1", "MINE": "declared-key-1"}, "MINE", "Bearer by-variable-1"),
            ({"MINE": "declared-key-1", "JANUS_LLM_API_KEY": "default-key-1"}, "MINE", "Bearer declared-key-1"),
            ({"JANUS_LLM_API_KEY": "default-key-1", "OPENAI_API_KEY": "default-key-2"}, None, None),
            ({"JANUS_LLM_API_KEY": "default-key-1", "CHUTES_API_KEY": "default-key-2"}, "MINE", None),
        ],
    )
    def test_the_key_of_another_server(
        self,
        environment: dict[str, str],
        key: str | None,
        sent: str | None,
        models: ModelServer,
        second: ModelServer,
    ) -> None:
        second.reset(text("Hello"))
        declared = {"fast": Model("m", base_url=second.url, key=key)}
        call(Asked(models.url, environment=environment, declared=declared), model="fast")
        assert second.keys == [sent]

    def test_the_default_server_gets_the_default_key(self, models: ModelServer) -> None:
        models.reset(text("Hello"))
        call(Asked(models.url, environment={"OPENAI_API_KEY": "default-key-1"}, declared={"a": Model("m")}), model="a")
        assert models.keys == ["Bearer default-key-1"]


def test_the_price_of_the_model_that_answered_counts(models: ModelServer) -> None:
    models.reset(text("Hello"), text("Hello"), text("Hello"))
    prices = {"JANUS_PRICE_PROMPT": "1000", "JANUS_PRICE_COMPLETION": "1000"}
    declared = {"fast": Model("m", price_in=1, price_out=2), "free": Model("f")}
    for options, cost in (({"model": "fast"}, 34e-6), ({"model": "free"}, None), ({}, 0.027)):
        _, usage, _ = call(Asked(models.url, environment=prices, declared=declared), **options)
        assert usage is not None
        assert usage.cost_usd == (None if cost is None else pytest.approx(cost))


def test_only_declared_servers_join_the_allow_list() -> None:
    settings = Settings.from_environment({}, {"a": Model("m", base_url="https://models.example/v1")})
    egress = Egress(settings.base_urls)
    egress.check("https://models.example/v1/chat/completions")
    with pytest.raises(EgressRefused):
        egress.check("https://others.example/v1")


def test_without_any_server_the_offline_model_answers_for_a_declared_model() -> None:
    settings = Settings.from_environment({}, {"a": Model("m")})
    assert choose(settings, None, "a") is None
    assert described(settings)["models"] == {"a": "m: it has no server"}


def test_without_a_default_server_the_first_declared_model_with_a_server_is_the_default(models: ModelServer) -> None:
    models.reset(text("Hello"))
    declared = {"none": Model("n"), "first": Model("f", base_url=models.url), "second": Model("s", base_url=models.url)}
    asked = Asked("", declared=declared)
    assert described(asked.settings)["model"] == "f"
    assert call(asked)[2] == "f"


@pytest.mark.parametrize(
    ("more", "url"), [({}, None), ({"JANUS_MODEL_A_BASE_URL": "http://b.example/v1"}, "b.example")]
)
def test_in_tests_only_the_default_server_is_asked(more: dict[str, str], url: str | None) -> None:
    declared = {"a": Model("m", base_url="https://models.example/v1")}
    settings = Settings.from_environment({"JANUS_MODELS_AT_DEFAULT": "true", **more}, declared)
    base_url = settings.models["a"].base_url
    assert base_url is None if url is None else url in str(base_url)


def test_a_model_of_the_platform_needs_a_key() -> None:
    declared = {"a": Model("m", base_url="https://llm.chutes.ai/v1")}
    assert choose(Settings.from_environment({}, declared), None, "a") is None
    chosen = choose(Settings.from_environment({"CHUTES_API_KEY": "chutes-key"}, declared), None, "a")
    assert chosen is not None
    assert chosen.key is not None


@pytest.mark.parametrize(
    ("names", "body", "left"),
    [
        (["blind", "seeing"], {"messages": [{"content": "Hi"}]}, ["blind", "seeing"]),
        (["blind", "seeing"], {"messages": [{"content": [IMAGE]}]}, ["seeing"]),
        (["blind", "unknown"], {"messages": [{"content": [IMAGE]}]}, ["blind", "unknown"]),
        (["plain", "blind"], {"messages": [{"content": "Hi"}], "tools": TOOLS}, ["blind"]),
        (["plain"], {"messages": [{"content": "Hi"}], "tools": TOOLS}, ["plain"]),
    ],
)
def test_models_that_cannot_do_what_a_call_needs_are_left_out(names: list[str], body: Json, left: list[str]) -> None:
    declared = {
        "blind": Model("b", sees=False),
        "seeing": Model("s", sees=True),
        "plain": Model("p", calls_tools=False),
    }
    assert able(Settings.from_environment({}, declared), names, body) == left


@pytest.mark.parametrize(
    ("content", "options", "asked"),
    [
        ([{"type": "text", "text": "What is this?"}, IMAGE], {}, "s"),
        ("Hi", {}, "default"),
        ([{"type": "text", "text": "What is this?"}, IMAGE], {"model": "blind"}, "b"),
    ],
)
def test_a_request_with_an_image_goes_to_a_model_that_sees(
    content: Any, options: Json, asked: str, models: ModelServer
) -> None:
    models.reset(text("Hello"))
    declared = {"blind": Model("b"), "seeing": Model("s", sees=True)}
    messages = [{"role": "user", "content": content}]
    call(Asked(models.url, environment={"JANUS_LLM_MODEL": "default"}, declared=declared, messages=messages), **options)
    assert [body["model"] for body in models.asked] == [asked]


@pytest.mark.parametrize(("reasons", "sent"), [(False, False), (True, True), (None, True)])
def test_a_model_that_does_not_reason_gets_no_effort(reasons: bool | None, sent: bool, models: ModelServer) -> None:
    models.reset(text("Hello"))
    asked = Asked(models.url, declared={"fast": Model("m", reasons=reasons)}, reasoning_effort="low")
    call(asked, model="fast")
    assert ("reasoning_effort" in models.asked[0]) is sent


def test_an_unknown_name_goes_to_the_default_server_and_the_log_says_what_was_meant(
    models: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    models.reset(text("Hello"))
    assert call(Asked(models.url, declared={"fast": Model("m")}), model="fats")[2] == "fats"
    (record,) = [record for record in caplog.records if record.name == "competitor.llm"]
    assert "does not declare" in record.getMessage()
    assert vars(record)["meant"] == "fast"


BAD: dict[str, tuple[Callable[[], Json], str]] = {
    "a text": (lambda: {"fast": "small"}, "fast: must be a `Model`"),
    "a name with capitals": (lambda: {"Fast": Model("m")}, "'Fast': a short name has lower-case letters"),
    "a digit as name": (lambda: {"1": Model("m")}, "'1': a short name has lower-case letters"),
    "names with the same variables": (lambda: {"a-b": Model("m"), "a_b": Model("m")}, "a_b: has the same variables"),
}


@pytest.mark.parametrize("mistake", BAD)
def test_a_mistake_in_the_declarations_is_a_sentence(mistake: str) -> None:
    declared, sentence = BAD[mistake]
    with pytest.raises(SettingsError, match=sentence):
        Settings.from_environment({}, declared())


@pytest.mark.parametrize(
    "fields",
    [{"base_url": "example.com/v1"}, {"key": "sk-12345678"}, {"price_in": -1}, {"sees": "yes"}, {"seees": True}],
)
def test_a_wrong_field_is_refused(fields: Json) -> None:
    with pytest.raises(ValidationError, match=next(iter(fields))):
        Model("m", **fields)


def test_a_bad_base_url_of_the_environment_names_its_variable() -> None:
    with pytest.raises(SettingsError, match=r"^JANUS_MODEL_A_BASE_URL: is not a base URL"):
        Settings.from_environment({"JANUS_MODEL_A_BASE_URL": "nonsense"}, {"a": Model("m")})


def test_the_key_is_a_secret_and_env_example_lists_the_variables() -> None:
    settings = Settings.from_environment({"MINE": "a-secret-key"}, {"my-fast": Model("m", key="MINE")})
    assert "a-secret-key" in settings.secrets
    assert "a-secret-key" not in repr(settings.models)
    lines = env_example({"my-fast": Model("m", base_url="https://m.example/v1", key="MINE")}).splitlines()
    wanted = ["#JANUS_MODEL_MY_FAST_ID=m", "#JANUS_MODEL_MY_FAST_BASE_URL=https://m.example/v1"]
    assert lines[-4:] == [*wanted, "#JANUS_MODEL_MY_FAST_KEY=", "#MINE="]


class TestTheOtherHost:
    """X2: the image names one of the platform's two hosts, and the other one is asked if that cannot be reached."""

    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The URLs of all requests; none can be made."""
        urls: list[str] = []

        async def fail(self: HttpClient, method: str, url: str, *_: Any) -> Any:
            self.egress.check(url)
            urls.append(url)
            raise UpstreamError("unreachable")

        monkeypatch.setattr(HttpClient, "open", fail)
        return urls

    def fail(self, environment: dict[str, str]) -> Asked:
        asked = Asked("https://llm.chutes.ai/v1", environment={"JANUS_LLM_ATTEMPTS": "1", **environment})
        with pytest.raises(UpstreamError, match="unreachable"):
            call(asked)
        return asked

    def test_it_is_asked_next_with_the_same_key(self, opened: list[str]) -> None:
        asked = self.fail({"JANUS_LLM_API_KEY": "the-key"})
        first, second = (f"https://{host}.chutes.ai/v1/chat/completions" for host in ("llm", "api"))
        assert opened == [first, second]
        upstream = choose(asked.settings, None)
        assert upstream is not None
        assert upstream.elsewhere() == Upstream("https://api.chutes.ai/v1", None, upstream.key)

    def test_a_host_that_was_unreachable_is_asked_last(self, opened: list[str]) -> None:
        async def order() -> list[str]:
            asked = Asked("https://llm.chutes.ai/v1", environment={"JANUS_LLM_API_KEY": "the-key"})
            llm, body = asked.chat._llm, {"model": "m", "messages": []}
            (before,) = await llm.upstreams((), body, None)
            llm.note_failure(before, UpstreamError("unreachable"))
            (after,) = await llm.upstreams((), body, None)
            llm._unreachable = dict.fromkeys(llm._unreachable, 0.0)  # half a minute later
            (again,) = await llm.upstreams((), body, None)
            return [upstream.base_url.removeprefix("https://")[:3] for upstream in (before, after, again)]

        assert asyncio.run(order()) == ["llm", "api", "llm"]

    def test_other_hosts_have_none(self) -> None:
        assert Upstream("https://llm.chutes.ai.example/v1", None, None).elsewhere() is None


def test_workers_get_the_models() -> None:
    settings = Settings.from_environment({"MINE": "a-secret-key"}, {"a": Model("m", key="MINE")})
    received = pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own bytes
    assert received.models == settings.models


def test_keys_are_not_logged(models: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    models.reset(text("Hello"))
    call(Asked(models.url, environment={"MINE": "a-secret-key"}, declared={"a": Model("m", key="MINE")}), model="a")
    assert models.keys == ["Bearer a-secret-key"]
    assert "a-secret-key" not in caplog.text
