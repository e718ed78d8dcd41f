"""An update names the imports in the owner's files whose modules have moved, and what replaces them."""

import ast
from pathlib import Path

from templates_variants.engine.update.moved import API, MOVED, imports_to_change

from ..template_path import UNBAKED


def test_each_import_of_a_moved_module_is_named_with_its_replacement(tmp_path: Path) -> None:
    backend, tests = tmp_path / "competitor" / "backend", tmp_path / "tests"
    for folder in (backend, tests / "contract"):
        folder.mkdir(parents=True)
    (backend / "agent.py").write_text(
        "from ..core.chat import Chat\n"
        "from ..core.toolbox import MAX_ARGUMENT_BYTES, Running, Toolbox\n"
        "from .tools import tools\n",
        encoding="utf-8",
    )
    (backend / "broken.py").write_text("def", encoding="utf-8")
    (tests / "test_backend.py").write_text("from competitor.conformance.target import Stream\n", encoding="utf-8")
    (tests / "contract" / "test_it.py").write_text("from competitor.core.llm import Llm\n", encoding="utf-8")
    assert imports_to_change(tmp_path) == [
        "competitor/backend/agent.py:2: from ..core.toolbox import MAX_ARGUMENT_BYTES, Running, Toolbox"
        " -> from ..api import RunningCalls, Toolbox; from ..core.tools.toolbox import MAX_ARGUMENT_BYTES",
        "tests/test_backend.py:1: from competitor.conformance.target import Stream"
        " -> from competitor.checks.target import Stream",
    ]


def test_the_table_names_modules_that_are_gone_and_modules_that_are_there() -> None:
    package = UNBAKED / "competitor"
    for old, new in MOVED.items():
        assert (package / f"{new.replace('.', '/')}.py").is_file() or (package / new.replace(".", "/")).is_dir(), new
        if old not in ("core.answer", "core.limits"):  # something else has these names now
            assert not (package / f"{old.replace('.', '/')}.py").exists(), old


def test_the_names_of_the_api_are_those_that_it_has() -> None:
    tree = ast.parse((UNBAKED / "competitor" / "api.py").read_text(encoding="utf-8"))
    names = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    assert set(API.values()) <= set(names)
