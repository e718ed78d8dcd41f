"""Makes a copy of a baked repo slower on purpose, with a busy loop at the start of one of its functions."""

import ast
from dataclasses import dataclass
from pathlib import Path

from .environments import Missing


@dataclass(frozen=True)
class Place:
    """A function of the competitor, in any file. `owner` is the class if it is a method."""

    function: str
    owner: str | None = None


A_CHUNK = Place("chunk", "ChunkReader")
A_REQUEST = Place("read_request")


def slow_down(project: Path, place: Place, turns: int) -> None:
    """Inserts a busy loop of `turns` iterations. The loop calls nothing, and all iterations cost the same.

    The loop counts with floats, because integers above 256 cost more than smaller ones.
    """
    insert(project, place, "turn = 0.0", f"while turn < {turns}.0: turn += 1.0")


def insert(project: Path, place: Place, *statements: str) -> None:
    """Inserts statements at the start of a function. Raises `Missing` unless the function is found exactly once."""
    found = [
        (path, node)
        for path in sorted((project / "competitor").rglob("*.py"))
        for node in _functions(ast.parse(path.read_text(encoding="utf-8")), place)
    ]
    if len(found) != 1:
        raise Missing(f"{place.function} was found {len(found)} times: correct the places in benchmarks/slowdown.py.")
    path, function = found[0]
    first = function.body[1 if ast.get_docstring(function) else 0]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[first.lineno - 1 : first.lineno - 1] = [f"{' ' * first.col_offset}{line}\n" for line in statements]
    path.write_text("".join(lines), encoding="utf-8")


def _functions(module: ast.Module, place: Place) -> list[ast.FunctionDef]:
    bodies = [module.body]
    if place.owner is not None:
        bodies = [node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == place.owner]
    nodes = [node for body in bodies for node in body]
    return [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == place.function]
