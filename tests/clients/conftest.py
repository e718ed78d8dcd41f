"""Fixtures: a server of each variant on the offline model and on the wires, and what all clients saw of them."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from competitor.checks import Target

from ..bakes import Bakes
from ..baking.baking import VARIANTS
from ..models.wires import WIRES, ModelServer, model_server
from ..template_path import contract_tests
from .install import FOLDER, NODE, PYTHON

processes = contract_tests("processes")
Json = dict[str, Any]
PROGRAMS = {
    "Python": [str(PYTHON), str(FOLDER / "python_clients.py")],
    "Node": [str(NODE), str(FOLDER / "node_clients.mjs")],
}
PATIENCE_SECONDS = 900.0
OFFLINE = {
    "whole": "What is 17 * 23?",
    "stream": "What is 17 * 23?",
    "tools": "How is the weather in Paris?",
    "parallel": "Use get_weather for Paris and get_weather for Rome.",
    "tools_and_schema": "How is the weather in Paris, where I have 3 days?",
    "schema": "A trip to Paris, for 3 days.",
    "image": "What is in this picture?",
    "abort": "Write 400 words.",
    "artifacts": 'Create a file a.txt that contains "one" and create a file b.txt that contains "two".',
}


# The proxy has no tools, and the tool of the sandbox variant is a sandbox, which these servers do not have.
WITHOUT_FILES = ("proxy", "sandbox")


@dataclass
class Seen:
    """The results of all clients, by client, variant and case, and the requests that were open at the end."""

    results: dict[tuple[str, str, str], Json]
    open_at_the_end: dict[str, int]


@pytest.fixture(scope="session")
def models() -> Iterator[ModelServer]:
    with model_server() as running:
        yield running


@pytest.fixture(scope="session")
def servers(bakes: Bakes, models: ModelServer) -> Iterator[dict[tuple[str, str], Target]]:
    """A server for each variant, on the offline model and on the wires."""
    launchers = {name: processes.Launcher(cwd=bakes(name)) for name in VARIANTS}
    pacing = {"JANUS_PACING": "off"}
    yield {
        (name, behind): launcher(environment | pacing)
        for name, launcher in launchers.items()
        for behind, environment in {
            "offline": {"JANUS_OFFLINE_WORDS_PER_SECOND": "500"},
            "wires": {"JANUS_LLM_BASE_URL": models.url, "JANUS_LLM_ATTEMPTS": "1"},
        }.items()
    }
    for launcher in launchers.values():
        launcher.close()


@pytest.fixture(scope="session")
def seen(servers: dict[tuple[str, str], Target]) -> Seen:
    """Runs all clients. Each program runs once and does all tasks."""
    results = {}
    for program in PROGRAMS.values():
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            able: dict[str, list[str]] = json.loads(running.stdout.readline())
            tasks = [*_tasks(able, servers)]
            for key, task in tasks:
                running.stdin.write(json.dumps(task) + "\n")
                running.stdin.flush()
                results[key] = json.loads(running.stdout.readline())
            running.stdin.close()
    return Seen(
        results, {variant: _open(target) for (variant, behind), target in servers.items() if behind == "offline"}
    )


def _tasks(
    able: dict[str, list[str]], servers: dict[tuple[str, str], Target]
) -> Iterator[tuple[tuple[str, str, str], Json]]:
    for client, cases in able.items():
        for variant in VARIANTS:
            for case, prompt in OFFLINE.items():
                if case in cases and not (case == "artifacts" and variant in WITHOUT_FILES):
                    url = f"{servers[variant, 'offline'].url}/v1"
                    yield (client, variant, case), {"client": client, "case": case, "url": url, "prompt": prompt}
            for wire in WIRES if "wire" in cases else ():
                url = f"{servers[variant, 'wires'].url}/v1"
                yield (
                    (client, variant, wire),
                    {"client": client, "case": "wire", "url": url, "prompt": f"wire: {wire} ?"},
                )


def _open(target: Target) -> int:
    """The chat requests that are still being answered."""
    families = target.get("/metrics", {"accept": "application/json"}).json()
    return int(families["http_server_active_requests"]["samples"][0]["value"])
