"""Tests that every clause holds during 100 other streams with 50 tokens per second each. Pacing is on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from competitor.checks import CLAUSES, Target, Upstream
from competitor.checks.judging import judge

from ..scripted import PROMPTS, SCRIPTED
from ..template_path import TEMPLATE, UNBAKED, contract_tests

processes = contract_tests("processes")
STREAMS = 100
# What the core does not report, and what the scripted backend does not do.
NOT_SHOWN = {"A6/1", "X1/3", "X1/4"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with processes.mock_upstream() as started:
        yield started


@pytest.fixture(scope="module")
def loaded(upstream: Upstream) -> Iterator[Target]:
    """Starts the core, and clients that put load on it while the clauses are checked.

    At the end, the answers to these clients are checked too.
    """
    launcher = processes.Launcher(cwd=UNBAKED)
    environment = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", "JANUS_LLM_MODEL": "mock"}

    def launch(given: dict[str, str]) -> Target:
        target: Target = launcher(given, *SCRIPTED)
        return target

    target = Target(launch(environment).url, prompts=PROMPTS, launch=launch, upstream=upstream)  # type: ignore[arg-type]
    command = [sys.executable, "-m", "tests.checks.load", target.url, str(STREAMS)]
    path = {"PYTHONPATH": str(UNBAKED)}
    load = subprocess.Popen(command, cwd=TEMPLATE, env=path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield target
    seen = json.loads(load.communicate("", timeout=60)[0])
    launcher.close()
    assert seen["bad"] == 0
    assert seen["good"] >= STREAMS


@pytest.mark.parametrize("clause", CLAUSES)
def test_the_clause_holds_under_load(clause: str, loaded: Target) -> None:
    # The upstream also gets the load's requests, so S16/8 cannot count its own.
    for case in CLAUSES[clause].cases:
        verdict = judge(case, replace(loaded, upstream=None) if case.id == "S16/8" else loaded)
        assert verdict.status == "holds" or case.id in NOT_SHOWN, f"{case.id} {verdict.status}: {verdict.reason}"
