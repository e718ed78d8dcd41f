"""Tests that a generated repo works as its README says, on a machine that has only Python, pip, git and make."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed

from ..bakes import Bakes, sampled
from ..once import exclusively
from ..template_path import contract_tests
from .baking import DEFAULT, LINT, VARIANTS
from .test_deployment import in_the_image

processes, Lateness = contract_tests("processes"), contract_tests("lateness").Lateness
TEST_SECONDS = 1500


def fresh_environment(home: Path) -> dict[str, str]:
    """A PATH with the system's tools and this environment's base Python, and a home folder; no other settings."""
    python = Path(sys.base_prefix) / "bin"
    settings = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}  # a mirror, a proxy
    return {"PATH": f"{python}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", **settings}


@pytest.fixture(scope="module")
def fresh(baked: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the generated repo, without a virtual environment."""
    project = tmp_path_factory.mktemp("fresh") / "my-competitor"
    shutil.copytree(baked, project)
    return project


def commands(project: Path) -> list[str]:
    """The commands in the README, in order."""
    text = (project / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@contextmanager
def made_to_run(project: Path, environment: dict[str, str]) -> Iterator[str]:
    port = processes.free_port()
    server = subprocess.Popen(
        ["make", "run"],
        cwd=project,
        env={**environment, "PORT": str(port)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert server.stderr is not None
        said = ""
        while "is listening on" not in said:
            line = server.stderr.readline()
            assert line, f"the server ended before it was listening: {said}"
            said += line
        assert f"http://localhost:{port}" in said
        assert "model=offline-model" in said
        yield f"localhost:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.communicate(timeout=120)


@pytest.mark.long
def test_the_commands_of_the_readme_work_in_their_order(fresh: Path, home: Path) -> None:
    environment = fresh_environment(home)
    first, ask, test, curl, *_ = commands(fresh)
    assert (first, test) == ("make run", "make test")
    with made_to_run(fresh, environment) as where:
        answer = subprocess.run(
            ["bash", "-c", curl.replace("localhost:8080", where)],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=240,
        )
        assert answer.stdout.endswith("data: [DONE]\n\n")
        url = f"http://{where}"
        shown = subprocess.run(
            [fresh / ".venv" / "bin" / "python", "-m", "competitor", "ask", "What is 17 * 23?", "--url", url],
            cwd=fresh,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=240,
        )
        assert "17 * 23 = 391." in shown.stdout
        assert re.search(r"first word +\d+ ms", shown.stdout)
    assert ask == 'make ask PROMPT="What is 17 * 23?"'


@pytest.mark.slow  # `make test-variants` runs it; the commands above install as it does
def test_make_test_passes_on_a_fresh_machine(fresh: Path, home: Path) -> None:
    done = subprocess.run(
        ["make", "test"],
        cwd=fresh,
        env=fresh_environment(home),
        capture_output=True,
        text=True,
        timeout=TEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    (shown,) = re.findall(r"^(\d+) passed in ", (fresh / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert abs(int(shown) - int(passed)) <= 5, f"the README shows {shown}"  # some systems skip a few tests


OTHERS = [name for name in VARIANTS if name != DEFAULT]


def count_of_passed(project: Path, *arguments: str) -> int:
    """Runs tests in this environment, which has all variants' packages. All must pass. Returns their number."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", *arguments]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=TEST_SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    return int(re.findall(r"(\d+) passed", done.stdout)[-1])


@pytest.mark.parametrize("variant", sampled(OTHERS, ("langchain",)))
def test_the_backend_s_tests_of_every_other_variant_pass(variant: str, bakes: Bakes, tmp_path: Path) -> None:
    """Skips the contract's tests: all variants have the same ones, and they pass in the default variant."""
    project = shutil.copytree(bakes(variant), tmp_path / "project")
    assert count_of_passed(project, "tests/test_backend.py") > 1


@pytest.mark.long
@pytest.mark.parametrize("variant", sampled(VARIANTS, (DEFAULT,)))
def test_all_tests_of_a_generated_repo_pass(variant: str, bakes: Bakes, tmp_path: Path) -> None:
    project = shutil.copytree(bakes(variant), tmp_path / "project")
    assert count_of_passed(project, "-n", "2", "--dist", "worksteal") > 60


@pytest.mark.parametrize("variant", sampled(VARIANTS, ("tools", "langchain")))
def test_a_bake_is_clean_for_ruff_and_mypy(
    variant: str, bakes: Bakes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Checks one repo at a time, so that later checks use mypy's cache of the shared libraries."""
    project = shutil.copytree(bakes(variant), tmp_path / "project")
    command = [sys.executable, "-m", "competitor", "lint"]
    with exclusively(request, "mypy"):
        done = subprocess.run(command, cwd=project, env=LINT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_make_ask_without_a_server_says_what_to_do(baked: Path) -> None:
    nowhere = f"http://127.0.0.1:{processes.free_port()}"
    done = subprocess.run(
        [sys.executable, "-m", "competitor", "ask", "hello", "--url", nowhere],
        cwd=baked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Is it running? `make run` starts it." in done.stdout
    assert "Traceback" not in done.stderr


def test_every_command_explains_itself(baked: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "competitor", "--help"], cwd=baked, capture_output=True, text=True, check=True
    ).stdout
    for command in (
        *("serve", "run", "ask", "test", "check", "arena", "lint", "lock", "settings", "submission", "verify"),
        *("workshop", "health"),
    ):
        assert re.search(rf"^    {command}(?: |$)", listed, re.MULTILINE), command
        subprocess.run(
            [sys.executable, "-m", "competitor", command, "--help"], cwd=baked, capture_output=True, check=True
        )
    makefile = (baked / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^([\w-]+):.*##", makefile, re.MULTILINE):
        assert target in ("help", "image") or f"-m competitor {target}" in makefile


def image_variables(dockerfile: str) -> dict[str, str]:
    block = re.search(r"^ENV (.*?)\n\n", dockerfile, re.MULTILINE | re.DOTALL)
    assert block is not None
    return dict(part.split("=", 1) for part in block[1].replace("\\\n", " ").split())


@pytest.mark.parametrize("variant", sampled(VARIANTS, ("tools",)))
def test_the_image_s_files_and_variables_are_enough(variant: str, bakes: Bakes, tmp_path: Path) -> None:
    """Runs the image's command with only the image's files and variables, like `make test-image`, but with no image."""
    each = bakes(variant)
    dockerfile = (each / "Dockerfile").read_text(encoding="utf-8")
    for path in in_the_image(each):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(each / path, tmp_path / path)
    command = json.loads(re.findall(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)[-1])
    assert command[0] == "python"
    variables = {name: value for name, value in image_variables(dockerfile).items() if name != "PATH"}
    assert variables["PORT"] == "8080"
    assert variables["HOST"] == "0.0.0.0"
    assert variables["JANUS_SEARCH_URL"] == "https://search.janus.rodeo"
    with processes.competitor(variables, *command[1:], cwd=tmp_path) as (url, _):
        stream = Target(url).stream("What is 6 * 7?")
        health = Target(url).get("/health").json()
    well_formed(stream)
    assert "6 * 7 = 42" in stream.text
    assert health["version"] == "0.1.0"
    assert health["upstream"].startswith("llm.chutes.ai, only for requests with a token")


def test_it_is_healthy_soon_after_its_start(baked: Path) -> None:
    """The contract's limit is 30 s. The benchmark measures the actual time; this test does not."""
    port = processes.free_port()
    late, began = Lateness(), time.monotonic()
    server = subprocess.Popen(
        [sys.executable, "-m", "competitor", "serve"],
        cwd=baked,
        env={"PORT": str(port), "HOST": "127.0.0.1"},
        stderr=subprocess.DEVNULL,
    )
    try:
        processes.wait_until_healthy(f"http://127.0.0.1:{port}", server)
        assert time.monotonic() - began < 30 + late.seconds
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=120) as reply:
            assert b"ok" in reply.read()
    finally:
        server.terminate()
        server.wait(120)
