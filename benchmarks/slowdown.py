"""Makes a copy of a bake worse on purpose, by a statement at the beginning of one of its functions."""

import ast
from dataclasses import dataclass
from pathlib import Path

from .environments import Missing


@dataclass(frozen=True)
class Place:
    """A function, wherever its file lies, and its class where it is a method."""

    function: str
    owner: str | None = None


A_CHUNK = Place("chunk", "ChunkReader")
A_REQUEST = Place("read_request")


def slow_down(project: Path, place: Place, turns: int) -> None:
    """Puts a busy loop of so many turns there."""
    # Not `range`: its numbers above 256 cost more than those below, and a loop must cost its length.
    insert(project, place, f"for _ in _repeat(None, {turns}): pass", above="from itertools import repeat as _repeat")


def insert(project: Path, place: Place, statement: str, above: str = "") -> None:
    """Puts a statement at the beginning of a function of a bake, and one above what the function stands in.

    Raises `Missing` unless the function is found exactly once.
    """
    found = [
        (path, *node)
        for path in sorted((project / "competitor").rglob("*.py"))
        for node in _functions(ast.parse(path.read_text(encoding="utf-8")), place)
    ]
    if len(found) != 1:
        raise Missing(f"{place.function} was found {len(found)} times: correct the places in benchmarks/slowdown.py.")
    path, outermost, function = found[0]
    first = function.body[1 if ast.get_docstring(function) else 0]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines.insert(first.lineno - 1, f"{' ' * first.col_offset}{statement}\n")
    lines.insert(outermost.lineno - 1, f"{above}\n")
    path.write_text("".join(lines), encoding="utf-8")


def _functions(module: ast.Module, place: Place) -> list[tuple[ast.stmt, ast.FunctionDef]]:
    """The functions of that name, each with the statement of the module that it stands in."""
    nodes = [(outer, outer) for outer in module.body]
    if place.owner is not None:
        classes = [outer for outer in module.body if isinstance(outer, ast.ClassDef) and outer.name == place.owner]
        nodes = [(outer, inner) for outer in classes for inner in outer.body]
    return [(outer, node) for outer, node in nodes if isinstance(node, ast.FunctionDef) and node.name == place.function]
