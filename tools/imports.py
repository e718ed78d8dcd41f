"""Draws the imports between the parts of a generated repo: each part is a box, and each import is an arrow down.

`make imports` writes docs/imports.svg. All imports are drawn, also those in a function or under `TYPE_CHECKING`.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "{{cookiecutter.project_slug}}" / "competitor"
PICTURE = ROOT / "docs" / "imports.svg"

Graph = dict[str, set[str]]

# A box is WIDTH by HEIGHT, and rows are FLOOR apart, in SVG units.
WIDTH, HEIGHT, GAP, FLOOR, MARGIN = 96, 34, 16, 84, 24
STYLE = """
text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; text-anchor: middle }
rect { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.2; rx: 6 }
rect.module { fill: #f6f8fa; stroke: #8c959f }
path { stroke: #8c959f; stroke-width: 1; fill: none; marker-end: url(#head) }
"""


def modules(package: Path = PACKAGE) -> Graph:
    """Maps each module of the package to the modules that it imports, as paths (`core/answer/answer.py`)."""
    paths = sorted(path for path in package.rglob("*.py") if "backend" not in path.relative_to(package).parts[:1])
    known = {_dotted(path, package): path.relative_to(package).as_posix() for path in paths}
    graph: Graph = {}
    for path in paths:
        found = {known[name] for name in _imported(path, package) if name in known}
        graph[path.relative_to(package).as_posix()] = found - {path.relative_to(package).as_posix()}
    return graph


def rooms(graph: Mapping[str, set[str]]) -> Graph:
    """Merges the modules of each folder into one box. Modules directly in `core/` keep their own box."""
    merged: Graph = {}
    for module, imported in graph.items():
        box = room(module)
        merged.setdefault(box, set()).update(room(one) for one in imported)
    return {box: imported - {box} for box, imported in merged.items()}


def room(module: str) -> str:
    parts = module.split("/")
    if parts[0] == "core" and len(parts) > 2:
        return f"core/{parts[1]}"
    if parts[0] == "core" or len(parts) == 1:
        return module.removesuffix(".py").removesuffix("/__init__")
    return parts[0]


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of boxes that import each other, directly or indirectly."""
    reach = {box: _reachable(graph, box) for box in graph}
    groups = {frozenset({box, *(other for other in reach[box] if box in reach[other])}) for box in graph}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def floors(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Returns the rows of boxes, lowest first. A box is above all boxes that it imports; a cycle is a `ValueError`."""
    if found := circles(graph):
        raise ValueError(f"these modules import each other: {found}")
    height: dict[str, int] = {}

    def of(box: str) -> int:
        if box not in height:
            height[box] = 1 + max((of(one) for one in graph[box]), default=-1)
        return height[box]

    for box in graph:
        of(box)
    return [sorted(box for box in graph if height[box] == floor) for floor in range(max(height.values()) + 1)]


def drawn(graph: Mapping[str, set[str]]) -> str:
    """Draws the graph as SVG."""
    stacked = floors(graph)[::-1]
    width = 2 * MARGIN + max(len(floor) for floor in stacked) * (WIDTH + GAP) - GAP
    height = 2 * MARGIN + (len(stacked) - 1) * FLOOR + HEIGHT
    place: dict[str, tuple[float, float]] = {}
    for row, floor in enumerate(stacked):
        left = (width - len(floor) * (WIDTH + GAP) + GAP) / 2
        for column, box in enumerate(floor):
            place[box] = left + column * (WIDTH + GAP), MARGIN + row * FLOOR
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        "<title>Who imports whom: every arrow points down</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" style="fill:#8c959f;stroke:none"/></marker></defs>',
    ]
    lines += [_arrow(place[box], place[one]) for box in sorted(graph) for one in sorted(graph[box])]
    for box, (x, y) in sorted(place.items()):
        kind = ' class="module"' if box.startswith("core/") and (PACKAGE / f"{box}.py").is_file() else ""
        lines.append(f'<rect{kind} x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}"/>')
        name = escape(box.removeprefix("core/"))
        lines.append(f'<text x="{x + WIDTH / 2:g}" y="{y + HEIGHT / 2 + 4:g}">{name}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + WIDTH / 2, start[1] + HEIGHT
    x2, y2 = end[0] + WIDTH / 2, end[1]
    return f'<path d="M{x1:g} {y1:g} C{x1:g} {y1 + 30:g} {x2:g} {y2 - 30:g} {x2:g} {y2:g}"/>'


def _reachable(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        for one in graph.get(left.pop(), ()):
            if one not in found:
                found.add(one)
                left.append(one)
    return found


def _dotted(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, package: Path) -> Iterator[str]:
    """The names that a file may import. `from a import b` gives both `a` and `a.b`."""
    folder = ".".join(path.relative_to(package.parent).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = folder.split(".")
            start = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (start, node.module) if part)
            submodules = {f"{module}.{name.name}" for name in node.names}
            here = {name for name in submodules if _is_module(name, package)}
            yield from here
            if len(here) < len(submodules):
                yield module


def _is_module(dotted: str, package: Path) -> bool:
    path = package.parent / dotted.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def main() -> int:
    graph = rooms(modules())
    PICTURE.write_text(drawn(graph), encoding="utf-8")
    print(f"{len(graph)} boxes in {len(floors(graph))} rows: {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
