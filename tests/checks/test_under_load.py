"""Tests that every clause holds during 100 other streams with 50 tokens per second each. Pacing is on."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from competitor.checks import CLAUSES, Target, Upstream
from competitor.checks.judging import judge

from ..scripted import PROMPTS, SCRIPTED
from ..template_path import TEMPLATE, UNBAKED, contract_tests

processes = contract_tests("processes")
STREAMS = 100
# What the core does not report, and what the scripted backend does not do; and S16/8, which counts what the upstream
# gets, and so cannot look while it also gets the load's requests.
NOT_SHOWN = {"A6/1", "X1/3", "X1/4", "U3/8", "S16/8"}
KNOWN_GAPS = contract_tests("known_gaps").KNOWN_GAPS

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
    for case in CLAUSES[clause].cases:
        if case.id not in NOT_SHOWN:
            verdict = judge(case, loaded)
            expected = "broken" if case.id in KNOWN_GAPS else "holds"
            assert verdict.status == expected, f"{case.id} {verdict.status}: {verdict.reason}"
