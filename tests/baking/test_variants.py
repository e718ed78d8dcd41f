"""Tests that variants differ only in backend and adapters, and that a fourth variant needs only ten lines of code."""

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
from templates_variants.engine.bake import variants
from templates_variants.engine.bake.overlay import sources

from ..once import exclusively
from ..template_path import TEMPLATE, UNBAKED, contract_tests
from .baking import DEFAULT, LINT, VARIANTS, bake, copy_template

processes = contract_tests("processes")
MAX_LINES = 80
MAX_LINES_TOGETHER = 250
MAX_ADAPTER_LINES = 150
ADAPTERS = "competitor/adapters/"
OWNERS = {"agent.py", "tools.py", "models.py", "settings.py", "__init__.py", "requirements.in", "README.md"}
GUIDE = (TEMPLATE / "docs" / "variants.md").read_text(encoding="utf-8")


def contract(project: Path) -> dict[str, bytes]:
    """The contract files of a generated repo with their bytes, including the core and its tests."""
    paths = json.loads((project / ".janus" / "contract.json").read_text(encoding="utf-8"))["files"]
    return {path: (project / path).read_bytes() for path in paths}


def adapter_files(project: Path) -> dict[str, bytes]:
    """The contract files of the adapters that this variant uses."""
    found = contract(project).items()
    return {path: data for path, data in found if path.startswith(ADAPTERS) and path != f"{ADAPTERS}__init__.py"}


def test_the_contract_files_are_the_same_in_every_variant(each: Path, baked: Path) -> None:
    core = {path: data for path, data in contract(each).items() if path not in adapter_files(each)}
    assert core == contract(baked)
    assert len([path for path in core if path.startswith("competitor/core/")]) > 40


def test_a_variant_has_unchanged_copies_of_the_adapters_that_it_names(each: Path) -> None:
    backend = json.loads((each / ".janus" / "contract.json").read_text(encoding="utf-8"))["backend"]
    expected = {
        path: (folder / UNBAKED.name / path).read_bytes()
        for folder in variants.adapter_folders(TEMPLATE, backend)
        for path in sources(folder)
    }
    assert adapter_files(each) == expected


def test_a_variant_may_use_an_adapter_of_another_variant(home: Path, tmp_path: Path) -> None:
    template = tmp_path / "template"
    copy_template(template)
    (template / "templates_variants" / DEFAULT / "variant.json").write_text(
        json.dumps({"label": "x", "adapters": ["shared", "langchain"]}), encoding="utf-8"
    )
    (tmp_path / "out").mkdir()
    made = bake(tmp_path / "out", home, {"backend": DEFAULT}, template)
    assert "competitor/adapters/langchain/model.py" in adapter_files(made)


def test_a_backend_is_short_and_has_no_plumbing(each: Path) -> None:
    folder = each / "competitor" / "backend"
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {path.relative_to(folder).as_posix() for path in files} <= OWNERS
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert sum(lines.values()) <= MAX_LINES_TOGETHER
    assert lines["agent.py"] <= MAX_LINES
    assert lines["__init__.py"] == 0


def test_every_variant_is_a_choice_with_a_label_and_its_agent_has_its_name() -> None:
    asked = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    assert sorted(asked["backend"]) == sorted(VARIANTS)
    for name, folder in VARIANTS.items():
        label = asked["__prompts__"]["backend"][name]
        assert label == variants.read(TEMPLATE, name).label
        assert label.startswith(f"{name}: ")
        agent = (folder / UNBAKED.name / "competitor" / "backend" / "agent.py").read_text(encoding="utf-8")
        assert f'\nNAME = "{name}"\n' in agent


def test_the_files_of_an_adapter_are_short(each: Path) -> None:
    sizes = {path: data.count(b"\n") for path, data in adapter_files(each).items()}
    assert {path: size for path, size in sizes.items() if size > MAX_ADAPTER_LINES} == {}


def test_no_shared_code_compares_with_the_name_of_a_variant() -> None:
    """Looks only at comparisons, because some names, such as "tools", are also words of OpenAI's format.

    "sandbox" is left out: it is also a word of a Content-Security-Policy, and a kind of event.
    """
    names = VARIANTS.keys() - {"sandbox"}
    shared = [
        *UNBAKED.rglob("*.py"),
        *(TEMPLATE / "hooks").glob("*.py"),
        *(TEMPLATE / "templates_variants").glob("*.py"),
        *(TEMPLATE / "templates_variants" / "engine").rglob("*.py"),
    ]
    assert len(shared) > 60
    for file in shared:
        tree = ast.parse(re.sub(r"\{\{.*?\}\}", "x", file.read_text(encoding="utf-8")))
        for node in ast.walk(tree):
            compared = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            compared += [node.value] if isinstance(node, ast.MatchValue) else []
            for one in compared:
                assert not (isinstance(one, ast.Constant) and one.value in names), f"{file.name}:{one.lineno}"


def test_the_core_does_not_know_an_adapter() -> None:
    """No file of the core has the name of an adapter; "shared" is also an ordinary word."""
    names = {folder.name for folder in (TEMPLATE / "templates_variants" / "adapters").iterdir()} - {"shared"}
    assert len(names) > 3
    words = re.compile(rf"\b({'|'.join(name.replace('_', '[_ -]?') for name in names)})\b", re.IGNORECASE)
    found = {
        file.name: words.findall(file.read_text(encoding="utf-8"))
        for file in (UNBAKED / "competitor" / "core").rglob("*.py")
    }
    assert {name: said for name, said in found.items() if said} == {}


@pytest.fixture(scope="module")
def fourth(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated repo of the variant in docs/variants.md, made with the commands of that page."""
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


def test_a_fourth_variant_has_the_same_core_and_is_clean(
    fourth: Path, baked: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert contract(fourth) == contract(baked)
    project = tmp_path / "project"
    shutil.copytree(fourth, project)
    for command in ("verify", "lint"):
        command_line = [sys.executable, "-m", "competitor", command]
        with exclusively(request, "mypy"):  # as in test_baked_repo.py, so that it uses the cache of the other checks
            done = subprocess.run(command_line, cwd=project, env=LINT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
