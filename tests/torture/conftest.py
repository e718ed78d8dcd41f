"""Fixtures: upstreams, and servers with a given backend and environment. Each server is started once per session."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from competitor.checks import Target, Upstream

from ..bakes import Bakes, sampled
from ..baking.baking import VARIANTS
from ..scripted import SCRIPTED
from ..template_path import UNBAKED, contract_tests

processes = contract_tests("processes")


@dataclass(frozen=True)
class Running:
    """A competitor that runs in its own process."""

    target: Target
    pid: int

    @property
    def port(self) -> int:
        return int(self.target.url.rpartition(":")[2])


@dataclass(frozen=True)
class Faulty:
    """A running process of faulty_upstream.py."""

    url: str
    secure_url: str

    def stats(self) -> dict[str, int]:
        return dict(Target(self.url).get("/stats").json())


Compete = Callable[..., Running]


@pytest.fixture(scope="session", params=sampled(VARIANTS))
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with processes.mock_upstream() as started:
        yield started


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    certificate = tmp_path_factory.mktemp("tls") / "unknown.pem"
    trustme.CA().issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    command = [sys.executable, str(Path(__file__).parent / "faulty_upstream.py"), str(certificate)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port, secure = process.stdout.readline().split()
    yield Faulty(f"http://127.0.0.1:{port}", f"https://localhost:{secure}")
    process.terminate()
    process.wait(120)
    process.stdout.close()


@pytest.fixture(scope="session")
def compete(bakes: Bakes) -> Iterator[Compete]:
    """`compete("tools", {...})` starts a server with that backend and environment. "core" is the scripted backend."""
    running: dict[tuple[str, frozenset[tuple[str, str]]], Running] = {}
    with ExitStack() as all_of_them:

        def start(backend: str, environment: Mapping[str, str]) -> Running:
            key = backend, frozenset(environment.items())
            if key not in running:
                scripted = backend == "core"
                where, command = (UNBAKED, SCRIPTED) if scripted else (bakes(backend), ())
                made = all_of_them.enter_context(processes.competitor(environment, *command, cwd=where))
                running[key] = Running(Target(made[0], timeout=120), made[1])
            return running[key]

        yield start
