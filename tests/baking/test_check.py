"""Tests that every generated repo keeps every clause, over HTTP, with the offline model and with a failing upstream."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from competitor.checks import CONTRACT_VERSION

from ..bakes import IN_FULL, Bakes, sampled
from ..template_path import contract_tests
from .baking import DEFAULT, VARIANTS

measured_on_time = contract_tests("lateness").measured_on_time
KNOWN_GAPS: dict[str, str] = contract_tests("known_gaps").KNOWN_GAPS

CHECK_SECONDS = 900


def checked(project: Path, made: Path, *arguments: str) -> dict[str, str]:
    """Runs `competitor check`. Maps each clause to its status.

    No case may be broken except the known gaps: on a busy machine, at the latest when the check is repeated.
    """
    start = f"{sys.executable} -m competitor serve --stand-ins"
    command = [sys.executable, "-m", "competitor", "check", "--start", start, "--json", str(made)]
    command += ["--contract", CONTRACT_VERSION, *arguments]

    def check() -> dict[str, str]:
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False)
        record = json.loads(made.read_text(encoding="utf-8"))
        broken = {case["id"]: case["reason"] for case in record["cases"] if case["status"] in ("broken", "fault")}
        assert broken.keys() <= KNOWN_GAPS.keys(), broken
        assert done.returncode == (1 if broken else 0), done.stdout + done.stderr
        assert record["complies"] is not bool(broken)
        return {str(clause["id"]): str(clause["status"]) for clause in record["clauses"]}

    statuses: dict[str, str] = measured_on_time(check)
    return statuses


# Clauses that need tools of the competitor which send events and make artifacts.
BY_TOOLS = {"S17", "S18", "E7", "A1", "A2", "A3", "A4", "A5"}
# Clauses that need an upstream that fails or is silent.
BY_AN_UPSTREAM = {"S4", "S13", "S14", "S15", "X1", "X2"}
BY_EITHER = {"S10"}
# What an upstream gets of earlier answers shows these too.
BY_HISTORY = {"A3"}
# What no variant does: it reports no price without a setting, and makes no image from another one.
NEVER = {"U2", "A6"}


def not_shown(statuses: dict[str, str]) -> set[str]:
    return {clause for clause, status in statuses.items() if status == "not shown"}


def runs_tools(project: Path) -> bool:
    return (project / "competitor" / "backend" / "tools.py").exists() or works_in_a_sandbox(project)


def works_in_a_sandbox(project: Path) -> bool:
    return any(project.glob("competitor/adapters/*/stand_in"))


def never(project: Path) -> set[str]:
    return NEVER - {"U2"} if works_in_a_sandbox(project) else NEVER  # its time is a figure of the usage


@pytest.mark.long
@pytest.mark.parametrize("variant", IN_FULL)
def test_every_must_and_every_should_hold(variant: str, bakes: Bakes, tmp_path: Path) -> None:
    project = bakes(variant)
    statuses = checked(project, tmp_path / "verdicts.json")
    assert not_shown(statuses) == never(project) | (set() if runs_tools(project) else BY_TOOLS - BY_HISTORY)


@pytest.mark.parametrize(
    "variant", sampled(sorted(VARIANTS.keys() - {DEFAULT}), ("tools",))
)  # the default is checked in full
def test_the_quick_check_leaves_out_clauses_that_need_an_upstream(variant: str, bakes: Bakes, tmp_path: Path) -> None:
    project = bakes(variant)
    statuses = checked(project, tmp_path / "verdicts.json", "--quick")
    left_out = set() if runs_tools(project) else BY_TOOLS
    left_out |= set() if (project / "competitor" / "backend" / "tools.py").exists() else BY_EITHER
    assert not_shown(statuses) == never(project) | BY_AN_UPSTREAM | left_out


# Acts like a container, which has its own folder for every path that it is given.
FAKE_DOCKER = """#!{python}
import os, sys, tempfile
given = dict(pair.split("=", 1) for flag, pair in zip(sys.argv, sys.argv[1:]) if flag == "--env")
own = {{"PATH": os.environ["PATH"], "JANUS_ARTIFACTS_DIR": tempfile.mkdtemp(dir="{folder}")}}
os.execve(sys.executable, [sys.executable, "-m", "competitor", "serve"], {{**given, **own}})
"""


def test_two_containers_need_not_share_a_folder(bakes: Bakes, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(FAKE_DOCKER.format(python=sys.executable, folder=tmp_path), encoding="utf-8")
    docker.chmod(0o755)
    command = [sys.executable, "-m", "competitor", "check", "--start", f"{docker} run {{env}} my-competitor"]
    made = tmp_path / "verdicts.json"
    done = subprocess.run(
        [*command, "--only", "E8,A4,A5", "--quick", "--json", made],
        cwd=bakes("tools"),
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
        check=False,
    )
    record = json.loads(made.read_text(encoding="utf-8"))
    statuses = [clause["status"] for clause in record["clauses"]]
    assert statuses == ["holds", "holds", "not shown"], done.stdout
    assert record["cases"][-1]["reason"] == "two containers cannot share a folder of this machine"


def test_the_arena_runs_the_process_when_there_is_no_image(baked: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "competitor", "arena", "--image", "no-such-image-anywhere"],
        cwd=baked,
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This runs the server as a process, not the image" in done.stdout
    assert "of 50 points" in done.stdout
