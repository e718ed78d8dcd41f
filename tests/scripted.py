"""Starts the core with the scripted backend in place of an owner's backend. Defines the prompts for the checks."""

from collections.abc import Callable, Mapping
from typing import Any

from competitor.checks import PROMPTS as STAND_IN_PROMPTS
from competitor.checks import Target, Upstream

from .template_path import TEMPLATE, contract_tests

SCRIPTED = (str(TEMPLATE / "tests" / "scripted_backend.py"),)
# The prompts to the stand-in, and those to the scripted backend.
PROMPTS = {
    **STAND_IN_PROMPTS,
    "events": "events",
    "events_failing": "unpaired",
    "artifact": "artifact 1000 photo.png",
    "artifact_linked": "artifact 200000 page.html",
    "artifact_large": "artifact 1000001 page.html",
}


def core_on(upstream: Upstream, launch: Callable[..., Any]) -> Target:
    """Starts the core with the scripted backend and this upstream. The target can launch more servers of this kind."""
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LLM_MODEL": "mock"}

    def launch_another(given: Mapping[str, str]) -> Target:
        target: Target = launch(given, *SCRIPTED)
        return target

    url, patience = launch_another(environment).url, contract_tests("processes").PATIENCE_SECONDS
    return Target(url, prompts=PROMPTS, launch=launch_another, upstream=upstream, timeout=patience)
