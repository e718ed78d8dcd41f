"""Tests what each package of a generated repo imports, how many modules it has, and the map in the core's docstring."""

import ast
import re
from pathlib import Path

import pytest

from tools import imports

from .template_path import UNBAKED

CORE = UNBAKED / "competitor" / "core"
MAX_MODULES = 14
_QUESTION = re.compile(r"^(\w.*?) {2,}([\w./]+\.py|\.\./\S+/) +(.+)$", re.MULTILINE)


def questions() -> list[tuple[str, str, str]]:
    """The rows of the map in the core's docstring: what to change, the file, and the name to look for in it."""
    text = ast.get_docstring(ast.parse((CORE / "__init__.py").read_text(encoding="utf-8"))) or ""
    return _QUESTION.findall(text)


def test_the_map_answers_ten_questions() -> None:
    assert len(questions()) == 10


@pytest.mark.parametrize(("change", "path", "name"), questions())
def test_each_name_in_the_map_exists(change: str, path: str, name: str) -> None:
    if path.endswith("/"):
        assert len(list((CORE / path).glob("*.py"))) > 8
        return
    tree = ast.parse((CORE / path).read_text(encoding="utf-8"))
    named = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        named |= {target.id for target in targets if isinstance(target, ast.Name)}
    assert name in named, change


def test_no_modules_and_no_packages_import_each_other_in_a_circle() -> None:
    graph = imports.modules()
    assert len(graph) > 100
    assert imports.circles(graph) == []
    assert imports.circles(imports.rooms(graph)) == []


def test_a_circle_would_be_found(tmp_path: Path) -> None:
    package = tmp_path / "competitor"
    for room, other in (("core/a", "b"), ("core/b", "a")):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").write_text("", encoding="utf-8")
        (package / room / "one.py").write_text(
            f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..{other}.one import x\n", encoding="utf-8"
        )
    graph = imports.modules(package)
    assert imports.circles(graph) == [["core/a/one.py", "core/b/one.py"]]
    assert imports.circles(imports.rooms(graph)) == [["core/a", "core/b"]]


def test_the_picture_shows_the_current_imports() -> None:
    assert imports.PICTURE.read_text(encoding="utf-8") == imports.drawn(imports.rooms(imports.modules()))


def test_no_package_has_too_many_modules() -> None:
    for folder in (UNBAKED / "competitor").rglob("*"):
        if folder.is_dir() and folder.name != "__pycache__":
            modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
            assert len(modules) <= MAX_MODULES, folder


def test_the_core_imports_neither_checks_nor_adapters_nor_the_command_line() -> None:
    graph = imports.modules()
    assert graph["cli/verify.py"] == set()  # so the checks may import it
    for module, imported in graph.items():
        if module.startswith("core/") and module != "core/answer/backend.py":
            assert all(one.startswith("core/") for one in imported), module
        if module.startswith("checks/"):
            assert all(one.startswith("checks/") or one == "cli/verify.py" for one in imported), module
