"""Tests that the settings in docs/models.md exist, and that each vendor's server gets the fields that it reads."""

import re
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import Target, Upstream
from competitor.core.model.upstream import choose, described, limited
from competitor.core.settings import Settings

from ...template_path import TEMPLATE
from .conftest import processes

PAGE = (TEMPLATE / "docs" / "models.md").read_text(encoding="utf-8")
VENDORS = ("Chutes", "OpenAI", "vLLM", "Ollama", "OpenRouter")


def block(vendor: str) -> dict[str, str]:
    """The variables that docs/models.md shows for a vendor."""
    section = PAGE.split(f"## {vendor}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^([A-Z_]+)=(\S+)$", section.split("```")[1], re.MULTILINE))


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_settings_on_the_page_configure_an_upstream(vendor: str) -> None:
    given = block(vendor)
    settings = Settings.from_environment(given)
    upstream = choose(settings, None)
    assert upstream is not None
    assert upstream.base_url == given["JANUS_LLM_BASE_URL"]
    assert upstream.model == given["JANUS_LLM_MODEL"]
    keyed = any(name.endswith("API_KEY") for name in given)
    assert (upstream.key is not None) == keyed
    assert described(settings)["model"] == given["JANUS_LLM_MODEL"]


SAID: dict[str, Any] = {"model": "m", "messages": []}


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_the_limit_of_tokens_has_the_name_that_the_vendor_reads(vendor: str, name: str) -> None:
    settings = Settings.from_environment(block(vendor))
    sent = limited({**SAID, name: 7}, str(settings.llm_base_url), settings)
    reads = {"OpenAI": "max_completion_tokens", "Ollama": "max_tokens"}.get(vendor, name)
    assert sent == {**SAID, reads: 7}


def test_openai_gets_the_newer_of_both_names_and_no_limit_when_none_was_given() -> None:
    settings = Settings.from_environment(block("OpenAI"))
    both = {**SAID, "max_tokens": 5, "max_completion_tokens": 7}
    assert limited(both, "https://api.openai.com/v1", settings) == {**SAID, "max_completion_tokens": 7}
    assert limited(SAID, "https://api.openai.com/v1", settings) == SAID
    assert limited(both, "https://mine.openai.azure.com/openai/v1", settings) == {**SAID, "max_completion_tokens": 7}
    assert limited(both, "https://api.openai.com.octo.org/v1", settings) == both


def test_the_configured_name_is_sent_to_the_server(baked: Path, upstream: Upstream) -> None:
    launcher = processes.Launcher(cwd=baked)
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LLM_LIMIT_NAME": "max_tokens"}
    try:
        Target(launcher(environment).url).ask("limited", max_completion_tokens=9)
    finally:
        launcher.close()
    body = upstream.requests()[-1]["body"]
    assert body["max_tokens"] == 9
    assert "max_completion_tokens" not in body


def test_the_page_has_a_section_for_every_vendor_and_names_every_sample() -> None:
    assert re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)[:5] == list(VENDORS)
    for sample in (TEMPLATE / "tests" / "models" / "samples").glob("*.sse"):
        assert sample.name in PAGE
