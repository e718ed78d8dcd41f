"""Tests that `competitor/api.py` has all names that owners import, with docs and types, and loads modules lazily."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from competitor import api

from .template_path import TEMPLATE, UNBAKED

SOURCE = UNBAKED / "competitor" / "api.py"
_IMPORT = re.compile(r"^[-+ ]*(?:from|import) +((?:\.\.|competitor\.)[\w.]+)", re.MULTILINE)
_OWNERS_MAY = re.compile(r"(\.\.|competitor\.)(api|adapters(\.\w+)?|backend\.\w+)")  # a test imports the backend


def typed() -> dict[str, str]:
    """Maps each name to its module, as type checkers see it."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module).removeprefix("core.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_names_are_sorted_and_each_can_be_imported() -> None:
    constants = [name for name in api.__all__ if name.isupper()]
    classes = [name for name in api.__all__ if name[0].isupper() and not name.isupper()]
    functions = [name for name in api.__all__ if name.islower()]
    assert api.__all__ == [*sorted(constants), *sorted(classes), *sorted(functions)]
    for name in api.__all__:
        assert getattr(api, name) is not None


def test_type_checkers_see_each_name_in_the_module_that_it_is_loaded_from() -> None:
    assert typed() == api._HOMES
    assert {*typed(), "API_VERSION"} == set(api.__all__)


def test_the_docstring_names_every_name() -> None:
    for name in api.__all__:
        if name not in ("API_VERSION", "FinishReason", "RunningCalls", "Artifacts"):
            assert re.search(rf"\b{name}\b", api.__doc__ or ""), name


def test_the_error_for_an_unknown_name_lists_the_known_names() -> None:
    with pytest.raises(AttributeError, match="Chat"):
        _ = api.Chatt


def test_importing_it_loads_nothing_of_the_core() -> None:
    program = "import sys, competitor.api; print(*[name for name in sys.modules if name.startswith('competitor.')])"
    done = subprocess.run([sys.executable, "-c", program], cwd=UNBAKED, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["competitor.api"]


def test_importing_it_in_a_server_loads_no_other_module(tmp_path: Path) -> None:
    program = (
        "import sys, competitor.core.server.serving; before = set(sys.modules); "
        "from competitor.api import Chat, Completion, Event, Text, Usage; print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=UNBAKED, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["competitor.api"]


def owners_texts() -> list[Path]:
    """Returns the files that owners write, and the documents from which they copy code."""
    backends = TEMPLATE.glob(f"templates_variants/*/{UNBAKED.name}/competitor/backend/*")
    documents = [*TEMPLATE.glob("docs/*.md"), *TEMPLATE.glob("*.md"), *UNBAKED.rglob("*.md")]
    return [path for path in (*backends, *documents) if path.is_file() and path.name != "CHANGELOG.md"]


def test_owners_and_documents_import_only_the_api_and_adapters() -> None:
    texts = owners_texts()
    assert len(texts) > 15
    found = {str(path): _IMPORT.findall(path.read_text(encoding="utf-8")) for path in texts}
    deep = {(path, name) for path, names in found.items() for name in names if not _OWNERS_MAY.fullmatch(name)}
    assert not deep
    assert sum(map(len, found.values())) > 10
