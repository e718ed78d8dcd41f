"""Tests that a generated repo's files are complete and valid on every system, and that its documents match its code."""

import ast
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from competitor.core import CONTRACT_VERSION
from competitor.core.errors import CODES
from competitor.core.settings import env_example, markdown_table
from templates_variants.engine.bake.variants import adapter_folders
from templates_variants.engine.bake.zones import zone_of

from ..template_path import TEMPLATE, UNBAKED
from .baking import template_files

HEADER = "Contract file: replaced by updates."


def files(project: Path) -> list[str]:
    found = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if "__pycache__" not in path.parts)


def source(path: str) -> list[str]:
    prefix = f"{path}/"
    return [file.removeprefix(prefix) for file in template_files() if file.startswith(prefix)]


def test_the_files_are_those_of_the_template_the_adapters_and_the_variant(each: Path) -> None:
    variant = json.loads((each / ".janus" / "answers.json").read_text(encoding="utf-8"))["default_context"]["backend"]
    folders = [TEMPLATE, *adapter_folders(TEMPLATE, variant), TEMPLATE / "templates_variants" / variant]
    expected = {path for folder in folders for path in source((folder / UNBAKED.name).relative_to(TEMPLATE).as_posix())}
    made = [path for path in files(each) if not path.startswith(".janus/")]
    assert sorted(made) == sorted(expected)


def test_a_variant_has_only_owner_s_files_and_locks() -> None:
    for folder in TEMPLATE.glob("templates_variants/*/{{cookiecutter.project_slug}}"):
        for path in source(folder.relative_to(TEMPLATE).as_posix()):
            assert zone_of(path) in ("owner", "derived"), path


def test_no_jinja_is_left(each: Path) -> None:
    for path in files(each):
        text = (each / path).read_text(encoding="utf-8")
        assert not re.search(r"cookiecutter\.(?!json)", text), path
        if "/workflows/" not in path:
            assert not re.search(r"\{%|\{\{ ", text), path


def test_python_in_the_template_is_plain_python() -> None:
    for path in template_files():
        if path.endswith(".py") and not path.startswith("hooks/"):
            ast.parse((TEMPLATE / path).read_text(encoding="utf-8"))


def test_file_names_are_valid_on_every_system_and_lines_end_with_lf(each: Path) -> None:
    made = files(each)
    assert len({path.lower() for path in made}) == len(made)
    for path in made:
        assert re.fullmatch(r"[A-Za-z0-9._/-]{1,120}", path), path
        assert b"\r" not in (each / path).read_bytes(), path


def test_contract_files_and_only_they_say_so_in_their_second_line(each: Path) -> None:
    for path in files(each):
        if path.endswith(".py") and (each / path).stat().st_size:
            second = [*(each / path).read_text(encoding="utf-8").splitlines(), ""][1].removeprefix("# ")
            assert (second == HEADER) == (zone_of(path) == "contract"), path


def imports(file: Path, package: str) -> set[str]:
    """The modules that a file imports, as absolute names."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            found.add(".".join([*parents, *([node.module] if node.module else [])]))
    return found


@pytest.mark.parametrize(
    ("folder", "may"),
    [
        ("core", {"competitor.core"}),
        ("checks", {"competitor.checks", "competitor.cli.verify"}),
        ("backend", {"competitor.api", "competitor.adapters", "competitor.backend"}),
        ("adapters", {"competitor.api", "competitor.adapters"}),
    ],
)
def test_imports_go_one_way(folder: str, may: set[str], each: Path) -> None:
    for file in (each / "competitor" / folder).rglob("*.py"):
        package = ".".join(file.relative_to(each).with_suffix("").parts[:-1])
        ours = {name for name in imports(file, package) if name.startswith("competitor")}
        assert all(any(name == allowed or name.startswith(f"{allowed}.") for allowed in may) for name in ours), file


def test_the_clauses_import_only_the_competitor_and_the_standard_library(baked: Path) -> None:
    for file in (baked / "competitor" / "checks" / "clauses").glob("*.py"):
        for name in imports(file, "competitor.checks.clauses"):
            assert name.split(".")[0] in {*sys.stdlib_module_names, "competitor"}, f"{file.name} imports {name}"


def test_the_record_has_every_file_of_its_zone(each: Path) -> None:
    record = json.loads((each / ".janus" / "contract.json").read_text(encoding="utf-8"))
    made = [path for path in files(each) if not path.startswith(".janus/")]
    assert sorted(record["files"]) == [path for path in made if zone_of(path) == "contract"]
    bases = json.loads((each / ".janus" / "base.json").read_text(encoding="utf-8"))
    assert list(bases) == [path for path in made if zone_of(path) == "shared"]
    for path, base in bases.items():
        data = (each / path).read_bytes()
        assert zlib.decompress(base64.b64decode(base["text"])) == data
        assert base["sha256"] == hashlib.sha256(data).hexdigest()
        assert base["mode"] == ("755" if (each / path).stat().st_mode & 0o111 else "644")
    assert record["contract_version"] == CONTRACT_VERSION


def test_the_versions_agree_everywhere() -> None:
    asked = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    assert asked["_contract_version"] == CONTRACT_VERSION
    assert CONTRACT_VERSION in (UNBAKED / "CONTRACT.md").read_text(encoding="utf-8").splitlines()[0]
    assert f"## [{asked['_template_version']}]" in (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")


def verify(project: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "competitor", "verify"], cwd=project, capture_output=True, text=True, check=False
    )


def test_verify_reports_only_edited_and_missing_contract_files(baked: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(baked, project)
    assert verify(project).returncode == 0
    for path in ("README.md", "competitor/backend/agent.py", "tests/test_backend.py"):
        (project / path).write_text("# mine\n", encoding="utf-8")
    (project / "competitor" / "core" / "server" / "app.py").write_bytes(
        (project / "competitor/core/server/app.py").read_bytes().replace(b"\n", b"\r\n")
    )
    assert verify(project).returncode == 0
    (project / "competitor" / "core" / "model" / "sse.py").write_text("# edited\n", encoding="utf-8")
    (project / "CONTRACT.md").unlink()
    done = verify(project)
    assert done.returncode == 1
    assert "competitor/core/model/sse.py: edited" in done.stdout
    assert "CONTRACT.md: missing" in done.stdout
    assert "app.py" not in done.stdout


def test_the_documented_settings_agree_with_the_code(baked: Path) -> None:
    assert (baked / ".env.example").read_text(encoding="utf-8") == env_example()
    assert markdown_table() in (baked / "docs" / "settings.md").read_text(encoding="utf-8")


def test_the_documented_errors_agree_with_the_code(baked: Path) -> None:
    text = (baked / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text, re.MULTILINE)
    assert {code: int(status) for code, status in rows} == {code: status for code, (status, _) in CODES.items()}


def test_the_readme_is_short_and_marks_the_owner_s_files(each: Path) -> None:
    text = (each / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 160
    yours = [line.split()[0] for line in text.splitlines() if "YOURS" in line]
    owners = ["backend/", "test_backend.py", "conftest.py", "submission.yaml", "CHANGELOG.md", "LICENSE"]
    assert yours == owners


def test_project_data_is_well_formed(each: Path) -> None:
    project = tomllib.loads((each / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "my-competitor"
    for path in files(each):
        if path.endswith((".yaml", ".yml")):
            assert yaml.safe_load((each / path).read_text(encoding="utf-8")), path


def workflows() -> list[Path]:
    ours = sorted((TEMPLATE / ".github" / "workflows").glob("*.yml"))
    return [*ours, *sorted((UNBAKED / ".github" / "workflows").glob("*.yml"))]


@pytest.mark.parametrize("workflow", workflows(), ids=lambda path: path.relative_to(TEMPLATE).as_posix())
def test_workflows_have_pinned_actions_and_minimal_permissions(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    parsed: Any = yaml.safe_load(text)
    assert parsed["permissions"] == {}
    for line in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", line), line
    for job in parsed["jobs"].values():
        # They push a branch for a pull request, attach files to a release, and push the documentation site.
        writes = workflow.name in ("update.yml", "release.yml", "docs.yml")
        assert job["permissions"]["contents"] == ("write" if writes else "read")
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), "an expression in a script allows code injection"
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def test_the_dockerfile_is_pinned_and_has_no_secret(each: Path) -> None:
    text = (each / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])
    assert "--require-hashes" in text
    assert "USER 10001:10001" in text
    assert not re.search(r"API_KEY|TOKEN|SECRET", text)
    assert "JANUS_LLM_BASE_URL=https://llm.chutes.ai/v1" in text


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_locks_have_hashes_and_no_index_url(name: str, each: Path) -> None:
    text = (each / f"{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text.split("\n", 2)[2])
    assert len(blocks) > 10
    assert all(block.count("--hash=sha256:") >= 1 for block in blocks)
    assert "://" not in text
    assert "index" not in text.lower()


def test_the_dev_lock_has_the_same_versions_as_the_lock(each: Path) -> None:
    ours, dev = pins(each / "requirements.txt"), pins(each / "requirements-dev.txt")
    assert ours.items() <= dev.items()
    assert "uv" not in ours
    assert "pytest" not in ours


def test_locks_keep_the_minimum_versions(each: Path) -> None:
    """The minimum versions in requirements.in avoid known vulnerabilities; see the comments there."""
    version = tuple(int(part) for part in pins(each / "requirements.txt")["starlette"].split("."))
    assert version >= (1, 3, 1)


def test_make_lock_changes_nothing_when_its_sources_are_unchanged(baked: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(baked, project)
    before = {
        name: (project / name).read_text(encoding="utf-8") for name in ("requirements.txt", "requirements-dev.txt")
    }
    subprocess.run([sys.executable, "-m", "competitor", "lock"], cwd=project, check=True, timeout=600)
    assert {name: (project / name).read_text(encoding="utf-8") for name in before} == before
    backend = project / "competitor" / "backend" / "requirements.in"
    backend.write_text("six==1.17.0  # a dependency of the owner's\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "competitor", "lock"], cwd=project, check=True, timeout=600)
    after = pins(project / "requirements.txt")
    assert after.pop("six") == "1.17.0"
    assert after == pins(baked / "requirements.txt")


@pytest.mark.parametrize("system", ["x86_64-manylinux_2_28", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"])
@pytest.mark.parametrize("python", ["3.11", pytest.param("3.13", marks=pytest.mark.slow)])
def test_the_lock_installs_on(system: str, python: str, each: Path, tmp_path: Path) -> None:
    """Every pinned package has a wheel for `system`. uv can check this for a system other than the one it runs on."""
    given = [
        "--python-platform",
        system,
        "--python-version",
        python,
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--system-certs",
    ]
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--target", str(tmp_path / "t"), *given]
    done = subprocess.run(
        [*command, "-r", "requirements.txt"], cwd=each, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert "fastapi" in done.stderr
    assert ("uvloop" in done.stderr) == ("windows" not in system)


def test_competitor_test_passes_its_arguments_to_pytest_and_other_commands_refuse_unknown_ones(baked: Path) -> None:
    def competitor(*command: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # other tests read this repo too
        return subprocess.run(
            [sys.executable, "-m", "competitor", *command],
            cwd=baked,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    none = competitor("test", "-k", "no_test_has_this_name", "--collect-only", "-p", "no:cacheprovider")
    assert none.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, none.stdout + none.stderr
    wrong = competitor("settings", "-k", "one")
    assert (wrong.returncode, "unrecognized arguments: -k one" in wrong.stderr) == (2, True)
