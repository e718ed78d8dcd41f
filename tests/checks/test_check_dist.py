"""Tests janus-check.pyz, which needs no install, and the steps of the GitHub action (action.yml)."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tools import check_dist

from ..bakes import Bakes
from ..template_path import TEMPLATE
from .plain_server import Plain, PlainServer
from .test_for_everybody import BreaksTwo

SERVE = f"sh -c 'cd {TEMPLATE} && exec {sys.executable} -m tests.checks.plain_server'"
SECONDS = 240.0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dist") / check_dist.NAME
    path.write_bytes(check_dist.packed())
    return path


def run(archive: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs the archive in an empty folder, without the packages that are installed here."""
    command = [sys.executable, "-I", "-S", str(archive), *words]
    return subprocess.run(
        command,
        cwd=archive.parent,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )


def test_it_is_the_same_twice_and_its_digest_stands_beside_it(archive: Path, tmp_path: Path) -> None:
    command = [sys.executable, "tools/check_dist.py", "--to", str(tmp_path)]
    subprocess.run(command, cwd=TEMPLATE, check=True, capture_output=True)
    assert (tmp_path / check_dist.NAME).read_bytes() == archive.read_bytes()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert (tmp_path / f"{check_dist.NAME}.sha256").read_text(encoding="utf-8") == f"{digest}  {check_dist.NAME}\n"
    assert {entry.date_time for entry in zipfile.ZipFile(archive).infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_it_lists_and_explains_without_a_package(archive: Path) -> None:
    assert "S8/3" in run(archive, "--list", "--contract", "1.1.0").stdout
    explained = run(archive, "--explain", "A2/3")
    assert explained.returncode == 0
    assert "Right:" in explained.stdout
    assert "exit codes" in run(archive, "--help").stdout
    assert run(archive, "--version").stdout.startswith("janus-check ")


def test_it_checks_a_server_that_it_starts_on_an_upstream_that_fails(archive: Path, tmp_path: Path) -> None:
    given = ("--only", "E9,S13,R9/2,N1", "--contract", "1.1.0", "--html", str(tmp_path / "v.html"))
    done = run(archive, "--start", SERVE, *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Clauses: 4 ok, 0 broken" in done.stdout
    assert "<style>\n" in (tmp_path / "v.html").read_text(encoding="utf-8")


def test_it_finds_a_breach(archive: Path) -> None:
    with PlainServer(BreaksTwo({})) as server:
        done = run(archive, server.url, "--only", "U1")
    assert done.returncode == 1
    assert "BROKEN  U1" in done.stdout


def with_release(archive: Path, to: Path, repo: Path) -> Path:
    """A copy of the archive that knows a release: the one that this repo is made from."""
    record = json.loads((repo / ".janus" / "contract.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256("".join(f"{name} {found}\n" for name, found in sorted(record["files"].items())).encode())
    release = {"digests": {record["backend"]: digest.hexdigest()}, "zones": record["zones"]}
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(to, "w") as new:
        for entry in old.infolist():
            if not entry.filename.endswith("releases.json"):
                new.writestr(entry, old.read(entry))
        new.writestr("competitor/checks/commands/releases.json", json.dumps({record["template_version"]: release}))
    return to


def test_verify_compares_a_repo_with_the_digest_of_its_release(archive: Path, bakes: Bakes, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(bakes("proxy"), repo, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
    knowing = with_release(archive, tmp_path / "knowing.pyz", repo)
    assert "is not known here" in run(archive, "verify", str(repo)).stdout
    same = run(knowing, "verify", str(repo))
    (repo / "competitor" / "core" / "chat.py").write_text("import os\n", encoding="utf-8")
    changed = run(knowing, "verify", str(repo))
    assert (same.returncode, changed.returncode) == (0, 1), same.stdout + same.stderr
    assert "HOLDS: all" in same.stdout
    assert "competitor/core/chat.py: " in changed.stdout
    assert "DIFFERS" in changed.stdout
    nothing = run(knowing, "verify", str(tmp_path))
    assert (nothing.returncode, nothing.stderr) == (2, "")
    assert "cannot be read" in nothing.stdout


ACTION = yaml.safe_load((TEMPLATE / "action.yml").read_text(encoding="utf-8"))


def act(tmp_path: Path, **inputs: str) -> int:
    """Runs the steps of the action that are shell scripts, as a runner does. Returns the exit code."""
    values = {name: declared["default"] for name, declared in ACTION["inputs"].items()} | inputs
    places = {"RUNNER_TEMP": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    for step in ACTION["runs"]["steps"]:
        if "run" in step:
            given = {
                name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: values[found[1]], text)
                for name, text in step["env"].items()
            }
            environment = {"PATH": path, "GITHUB_ACTION_PATH": str(TEMPLATE), **places, **given}
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, timeout=SECONDS)
            if done.returncode:
                return done.returncode
    return 0


def test_the_steps_of_the_action_check_a_server_and_leave_reports(tmp_path: Path) -> None:
    with PlainServer(Plain({})) as server:
        code = act(tmp_path, url=server.url, options="--quick --only E1,E2", key="sk-1", report="my-reports")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "my-reports").iterdir()) == [
        "check.html",
        "check.json",
        "check.xml",
    ]
    assert "of contract 1.0.0. Clauses: 2 ok, 0 broken" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_the_action_fails_with_the_exit_code_of_the_check(tmp_path: Path) -> None:
    with PlainServer(BreaksTwo({})) as server:
        assert act(tmp_path, url=server.url, options="--only U1") == 1
        (tmp_path / "known.txt").write_text("U1/1\nU1/2\n", encoding="utf-8")
        assert act(tmp_path, url=server.url, options="--only U1", baseline="known.txt") == 0
    assert act(tmp_path, url="http://127.0.0.1:9") == 2


def test_the_actions_that_it_uses_are_pinned_by_commit() -> None:
    used = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in used)
