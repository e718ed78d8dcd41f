"""Variants differ in their backend alone, none is known to the core by its name, and a fourth one is ten lines away."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed

from ..template_path import TEMPLATE, UNBAKED, contract_tests
from .baking import LINT, VARIANTS, bake, copy_template

processes = contract_tests("processes")
MAX_LINES = 150
GUIDE = (TEMPLATE / "docs" / "variants.md").read_text(encoding="utf-8")


def contract(project: Path) -> dict[str, bytes]:
    """The contract's files of a project, the core and its tests among them."""
    paths = json.loads((project / ".janus" / "contract.json").read_text(encoding="utf-8"))["files"]
    return {path: (project / path).read_bytes() for path in paths}


def test_the_contract_s_files_are_the_same_in_every_variant(each: Path, baked: Path) -> None:
    assert contract(each) == contract(baked)
    assert len([path for path in contract(each) if path.startswith("competitor/core/")]) > 40


def test_no_file_of_a_backend_is_long(each: Path) -> None:
    for file in (each / "competitor" / "backend").rglob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= MAX_LINES, file.name


def test_every_variant_is_a_choice_with_a_label_and_says_its_name() -> None:
    asked = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    assert sorted(asked["backend"]) == sorted(VARIANTS)
    for name, folder in VARIANTS.items():
        assert asked["__prompts__"]["backend"][name].startswith(f"{name}: ")
        agent = (folder / UNBAKED.name / "competitor" / "backend" / "agent.py").read_text(encoding="utf-8")
        assert f'\nNAME = "{name}"\n' in agent


def test_no_shared_code_asks_for_a_variant_by_its_name() -> None:
    """Some names are words of OpenAI's wire, too: what counts is a comparison."""
    shared = [
        *UNBAKED.rglob("*.py"),
        *(TEMPLATE / "hooks").glob("*.py"),
        *(TEMPLATE / "templates_variants").glob("*.py"),
    ]
    assert len(shared) > 60
    for file in shared:
        tree = ast.parse(re.sub(r"\{\{.*?\}\}", "x", file.read_text(encoding="utf-8")))
        for node in ast.walk(tree):
            compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            compared += [node.value] if isinstance(node, ast.MatchValue) else []
            for one in compared:
                assert not (isinstance(one, ast.Constant) and one.value in VARIANTS), f"{file.name}:{one.lineno}"


@pytest.fixture(scope="module")
def fourth(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bake of the guide's variant, made by the guide's own lines."""
    template = tmp_path_factory.mktemp("template")
    copy_template(template)
    lines = [line for line in GUIDE.split("```console\n")[1].split("```")[0].splitlines() if line]
    assert len(lines) == 10
    copy = lines[0].removeprefix("$ ").split()
    subprocess.run(copy, cwd=template, check=True)
    backend = template / copy[-1] / UNBAKED.name / "competitor" / "backend"
    (backend / "agent.py").write_text(GUIDE.split("```python\n")[1].split("```")[0], encoding="utf-8")
    questions = template / "cookiecutter.json"
    asked = json.loads(questions.read_text(encoding="utf-8"))
    asked["backend"].append("echo")
    asked["__prompts__"]["backend"]["echo"] = "echo: says what it hears"
    questions.write_text(json.dumps(asked), encoding="utf-8")
    return bake(tmp_path_factory.mktemp("echo"), home, {"backend": "echo"}, template)


def test_a_fourth_variant_answers(fourth: Path) -> None:
    with processes.competitor({}, cwd=fourth) as (url, _):
        stream = Target(url).stream("an echo, please")
        health = Target(url).get("/health").json()
    well_formed(stream)
    assert stream.text == "an echo, please"
    assert health["backend"] == "echo"


def test_a_fourth_variant_has_the_same_core_and_is_clean(fourth: Path, baked: Path, tmp_path: Path) -> None:
    assert contract(fourth) == contract(baked)
    project = tmp_path / "project"
    shutil.copytree(fourth, project)
    for command in ("verify", "lint"):
        command_line = [sys.executable, "-m", "competitor", command]
        done = subprocess.run(command_line, cwd=project, env=LINT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
