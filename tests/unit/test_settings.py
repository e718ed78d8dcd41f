"""Tests that settings come only from the environment, that errors name wrong ones, and that no secret is printed."""

import pytest
from pydantic import SecretStr

from competitor.core.model.upstream import OFFLINE_MODEL, choose, described, usable_token
from competitor.core.setting_types import SettingsError
from competitor.core.settings import Settings, meanings, variables

CHUTES = {"JANUS_LLM_BASE_URL": "https://llm.chutes.ai/v1", "JANUS_LLM_MODEL": "m"}
OWN = {"JANUS_LLM_BASE_URL": "http://localhost:11434/v1"}
TOKEN = SecretStr("user-token")


def settings(**environment: str) -> Settings:
    return Settings.from_environment(environment)


def test_an_empty_environment_is_enough() -> None:
    assert settings().port == 8080
    assert settings().host == "0.0.0.0"


def test_an_empty_variable_counts_as_unset() -> None:
    assert settings(PORT="", OPENAI_API_KEY=" ", OPENAI_BASE_URL="") == settings()


@pytest.mark.parametrize(("given", "read"), [("x/v1/", "x/v1"), ("x/v1/chat/completions", "x/v1"), ("x/v1", "x/v1")])
def test_a_base_url_may_be_written_in_several_ways(given: str, read: str) -> None:
    assert settings(OPENAI_BASE_URL=f"http://{given}").llm_base_url == f"http://{read}"


def test_the_first_name_of_a_setting_has_priority() -> None:
    both = settings(OPENAI_BASE_URL="http://b/v1", JANUS_LLM_BASE_URL="http://a/v1")
    assert both.llm_base_url == "http://a/v1"


def test_every_problem_is_reported_and_no_value_is_shown() -> None:
    with pytest.raises(SettingsError) as raised:
        settings(PORT="canary-1", JANUS_TIMEOUT="-5", OPENAI_BASE_URL="http://user:canary-2@x/v1", LOG_LEVEL="loud")
    said = str(raised.value)
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "PORT",
        "LOG_LEVEL",
        "OPENAI_BASE_URL",
        "JANUS_TIMEOUT",
    ]
    assert "canary" not in said


@pytest.mark.parametrize("only", ["JANUS_ARTIFACTS_ACCESS_KEY", "JANUS_ARTIFACTS_SECRET_KEY"])
def test_a_bucket_has_both_keys_or_neither(only: str) -> None:
    """compose.yaml sets the first, and the second only if somebody chose a secret."""
    with pytest.raises(SettingsError, match="set both of them, or neither"):
        settings(**{"JANUS_ARTIFACTS_ACCESS_KEY": "", "JANUS_ARTIFACTS_SECRET_KEY": "", only: "canary"})


def test_secrets_are_not_printed() -> None:
    given = settings(JANUS_LLM_API_KEY="canary-1", OPENAI_API_KEY="canary-2", CHUTES_API_KEY="canary-3")
    assert "canary" not in repr(given) + str(given)
    assert sorted(given.secrets) == ["canary-1", "canary-2", "canary-3"]


@pytest.mark.parametrize(("timeout", "seconds"), [("300", 290), ("20", 10), ("6", 3)])
def test_an_answer_ends_before_its_caller_gives_up(timeout: str, seconds: float) -> None:
    assert settings(JANUS_TIMEOUT=timeout).answer_seconds == seconds


def test_every_variable_of_the_contract_is_read() -> None:
    named = {name for field in Settings.model_fields.values() for name in variables(field)}
    contract = {
        "HOST",
        "PORT",
        "LOG_LEVEL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "CHUTES_API_KEY",
        "JANUS_LLM_API_KEY",
        "JANUS_TIMEOUT",
        "JANUS_SEARCH_URL",
        "SANDY_BASE_URL",
        "SANDY_API_KEY",
    }
    assert contract <= named


def test_every_setting_is_described_in_a_sentence() -> None:
    found = {name: about for group in meanings() for name, about in group.items()}
    assert [*found] == [*Settings.model_fields]
    for name, about in found.items():
        assert about.endswith("."), name


def test_without_a_base_url_only_the_offline_model_can_serve() -> None:
    assert choose(settings(OPENAI_API_KEY="k"), TOKEN) is None


def test_the_platform_without_any_key_cannot_serve() -> None:
    assert choose(settings(**CHUTES), None) is None
    assert described(settings(**CHUTES))["model"] == OFFLINE_MODEL


def test_the_platform_serves_with_the_user_s_token_or_a_configured_key() -> None:
    by_token = choose(settings(**CHUTES), TOKEN)
    assert by_token is not None
    assert by_token.key == TOKEN
    by_key = choose(settings(**CHUTES, CHUTES_API_KEY="k"), None)
    assert by_key is not None
    assert by_key.key == SecretStr("k")


def test_an_owner_s_own_server_needs_no_key_and_gets_no_token() -> None:
    chosen = choose(settings(**OWN, CHUTES_API_KEY="k"), TOKEN)
    assert chosen is not None
    assert chosen.key is None


def test_a_listed_host_gets_the_token() -> None:
    chosen = choose(settings(**OWN, JANUS_TOKEN_HOSTS="Localhost, other.example"), TOKEN)
    assert chosen is not None
    assert chosen.key == TOKEN


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://llm.chutes.ai/v1", True),
        ("http://llm.chutes.ai/v1", False),
        ("https://other.example/v1", True),
        ("http://other.example/v1", False),
        ("http://127.0.0.1:9/v1", True),
        ("http://[::1]:9/v1", True),
        ("http://localhost:9/v1", True),
        ("http://127.0.0.1.example/v1", False),
    ],
)
def test_a_user_s_token_leaves_this_machine_by_https_only(url: str, sent: bool) -> None:
    """X2. All these hosts may have it, as far as their names go."""
    hosts = "other.example,127.0.0.1,[::1],localhost,127.0.0.1.example"
    given = settings(JANUS_LLM_BASE_URL=url, JANUS_TOKEN_HOSTS=hosts)
    assert usable_token(given, url, TOKEN) == (TOKEN if sent else None)


def test_the_description_of_the_upstream_has_no_secret() -> None:
    assert described(settings(**OWN))["upstream"] == "localhost:11434"
    assert described(settings())["model"] == OFFLINE_MODEL
    assert described(settings(**CHUTES, OPENAI_API_KEY="k")) == {"model": "m", "upstream": "llm.chutes.ai"}
