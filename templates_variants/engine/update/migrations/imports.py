"""Rewrites the imports of one file.

Names of the public API are then imported from `competitor.api`, and other names from their new modules. A renamed name
keeps its old name in the file (`import ToolCall as Call`), so the rest of the code stays as it is.
"""

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from templates_variants.engine.update.migrations.names import PACKAGE

if TYPE_CHECKING:
    from templates_variants.engine.update.migrations.code import FileMigration

API = f"{PACKAGE}.api"
MAX_LINE = 100
Names = list[tuple[str, str]]  # (the name in its module, its name in this file)


def rewrite(file: "FileMigration") -> None:
    """Plans the edits of all imports from the package `competitor` in the file."""
    _chains(file)
    missing = sorted(pair for pair in file.to_import if pair[1] not in file.bindings.module.names)
    for statements in _lists(file.source.tree):
        extra = missing if statements is file.source.tree.body else []
        added = _from_imports(file, [one for one in statements if isinstance(one, ast.ImportFrom)], extra)
        missing = [pair for pair in missing if pair not in added]
    for node in ast.walk(file.source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                _module_import(file, alias)
    _add(file, missing)


def _add(file: "FileMigration", missing: list[tuple[str, str]]) -> None:
    """Adds imports of the `missing` names: those that the edits use and that fit into no existing import."""
    first = next((one for one in file.source.tree.body if isinstance(one, ast.Import | ast.ImportFrom)), None)
    if missing and first is not None:
        has_future = isinstance(first, ast.ImportFrom) and first.module == "__future__"
        at = file.source.end(first) if has_future else file.source.start(first)
        lines = [f"from {_relative(file, module)} import {name}" for module, name in missing]
        file.source.replace(at, at, "".join(f"\n{line}" if has_future else f"{line}\n" for line in lines))


def _lists(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                yield statements


def _from_imports(
    file: "FileMigration", nodes: list[ast.ImportFrom], extra: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Rewrites the `from` statements of one block, and merges those that now import from the same module.

    `extra` has further imports, as pairs of a module and a name. If a statement of the block already imports from that
    module, the name is added to the statement. Returns the pairs that were added.
    """
    planned = [(node, groups) for node in nodes if (groups := _groups(file, node)) is not None]
    wanted = {module for module, _ in extra}
    changed = [
        groups
        for node, groups in planned
        if list(groups) != [file.bindings.absolute(node)] or _renames(node, groups) or wanted & set(groups)
    ]
    if not changed:
        return []
    targets = {module for groups in changed for module in groups}
    together: dict[str, Names] = {}
    alone = {id(node) for node, groups in planned if _may_merge(file, node, groups)}
    for node, groups in planned:
        for module in groups if id(node) in alone else ():
            together.setdefault(module, []).extend(groups[module])
    added = [(module, name) for module, name in extra if module in together]
    for module, name in added:
        together[module].append((name, name))
    for node, groups in planned:
        if groups not in changed and not set(groups) & targets:
            continue
        if id(node) not in alone:
            _write(file, node, groups)
            continue
        first = {module: together.pop(module) for module in groups if module in together}
        if first:
            if first != groups or groups in changed:
                _write(file, node, first)
        else:
            file.source.remove_lines(node)
    return added


def _may_merge(file: "FileMigration", node: ast.ImportFrom, groups: dict[str, Names]) -> bool:
    starred = any(name == "*" for names in groups.values() for name, _ in names)
    return file.source.is_alone(node) and "#" not in _text(file, node) and not starred


def _renames(node: ast.ImportFrom, groups: dict[str, Names]) -> bool:
    now = sorted(one for names in groups.values() for one in names)
    return now != sorted((alias.name, alias.asname or alias.name) for alias in node.names)


def _groups(file: "FileMigration", node: ast.ImportFrom) -> dict[str, Names] | None:
    """Maps each new module to the names from it. Returns None if the statement does not import from `competitor`."""
    module = file.bindings.absolute(node)
    if module.split(".")[0] != PACKAGE or module in file.names.owners:
        return None
    groups: dict[str, Names] = {}
    for alias in node.names:
        if alias.name == "*":
            pairs = [(name, name) for name in _starred(file, node, module)]
        else:
            pairs = [(alias.name, alias.asname or alias.name)]
        for name, local in pairs:
            where, now = _target(file, node, module, name, local)
            groups.setdefault(where, []).append((now, local))
    return groups


def _starred(file: "FileMigration", node: ast.ImportFrom, module: str) -> list[str]:
    """Returns what to import instead of `*` in a statement `from module import *`.

    If the module has moved, these are its names that the owner's file uses. Otherwise they are `*`, followed by the
    used names that `*` no longer imports.
    """
    names = sorted(file.names.exports(module, old=True) & file.words)
    for name in [name for name in names if f"{module}.{name}" in file.removed]:
        file.leave(node, f"{name} was removed: {file.removed[f'{module}.{name}']}")
        names.remove(name)
    if names and file.names.moved(module) != module:
        return names
    unbound = [name for name in names if name not in file.bindings.module.names]
    changed = [name for name in unbound if file.names.moved(f"{module}.{name}") != f"{module}.{name}"]
    return ["*", *changed]


def _target(file: "FileMigration", node: ast.ImportFrom, module: str, name: str, local: str) -> tuple[str, str]:
    """Returns the module and the name that must now be imported instead of `from module import name`."""
    dotted = f"{module}.{name}"
    if name == "*":
        new = file.names.moved(module)
        if new != module:
            file.leave(node, f"import the names that you use from {API} or {new}")
        return module, name
    if dotted in file.names.owners:
        return module, name
    if dotted in file.removed:
        file.leave(node, f"{name} was removed: {file.removed[dotted]}")
        return module, name
    if module == API:
        return _pair(file.names.moved(dotted))
    home = file.names.home(dotted, old=True)
    api = _api(file)
    if home in api:
        return API, api[home]
    moved = file.names.moved(dotted)
    if file.names.module(moved) is not None:
        used = _uses(file, local)
        if used and all(use and file.names.home(f"{dotted}.{use}", old=True) in api for use in used):
            return PACKAGE, "api"
        return _pair(moved)
    if file.names.has(moved) or (file.names.module(_pair(moved)[0]) is None and not moved.startswith(f"{PACKAGE}.")):
        return _pair(moved)
    if file.names.has(home) and home.split(".")[0] == PACKAGE:
        return _pair(home)
    file.leave(node, f"{name} is no longer in {_pair(moved)[0]}")
    return _pair(moved) if file.names.module(_pair(moved)[0]) else (module, name)


def _pair(dotted: str) -> tuple[str, str]:
    module, _, name = dotted.rpartition(".")
    return module, name


def _api(file: "FileMigration") -> dict[str, str]:
    """Maps the dotted name under which each object of the public API is defined to its name in the API."""
    return {file.names.home(f"{API}.{name}", old=False): name for name in file.names.exports(API, old=False)}


def _uses(file: "FileMigration", local: str) -> list[str | None]:
    """Finds where the file uses a module that has this local name.

    For each place, the list has the attribute of the module that is used there, or None if no attribute is used.
    """
    used: list[str | None] = []
    for node in ast.walk(file.source.tree):
        if isinstance(node, ast.Name) and node.id == local:
            outer = file.parent(node)
            used.append(outer.attr if isinstance(outer, ast.Attribute) else None)
    return used


def _write(file: "FileMigration", node: ast.ImportFrom, groups: dict[str, Names]) -> None:
    source = file.source
    comments = re.findall(r"#.*", _text(file, node))
    indent = source.indent(node)
    star = ("*", "*")
    parts = [
        (module, part)
        for module, names in sorted(groups.items())
        for part in ([star] if star in names else [], [name for name in names if name != star])
    ]
    statements = [_statement(file, node, module, names, indent) for module, names in parts if names]
    if indent.strip():
        text = "; ".join(statement.replace("\n", " ") for statement in statements)
    else:
        text = f"\n{indent}".join([*comments, *statements])
    source.replace(source.start(node), source.end(node), text)


def _statement(file: "FileMigration", node: ast.ImportFrom, module: str, names: Names, indent: str) -> str:
    listed = sorted(set(names), key=lambda pair: (not pair[0].isupper(), not pair[0][:1].isupper(), pair[0]))
    parts = [name if name == local else f"{name} as {local}" for name, local in listed]
    where = _relative(file, module) if node.level else module
    line = f"from {where} import {', '.join(parts)}"
    if len(indent) + len(line) <= MAX_LINE:
        return line
    inner = "".join(f"{indent}    {part},\n" for part in parts)
    return f"from {where} import (\n{inner}{indent})"


def _relative(file: "FileMigration", module: str) -> str:
    """Returns the name of the module for a relative import in this file, or its full name if that is impossible."""
    package = file.bindings.name.split(".")[:-1]
    parts = module.split(".")
    same = 0
    while same < min(len(package), len(parts)) and package[same] == parts[same]:
        same += 1
    if not same:
        return module
    return "." * (len(package) - same + 1) + ".".join(parts[same:])


def _text(file: "FileMigration", node: ast.stmt) -> str:
    return file.source.text(file.source.start(node), file.source.end(node))


def _module_import(file: "FileMigration", alias: ast.alias) -> None:
    """Rewrites a statement such as `import competitor.core.toolbox`, with or without `as`."""
    if alias.name.split(".")[0] != PACKAGE or alias.name in file.names.owners:
        return
    new = file.names.moved(alias.name)
    used = _uses(file, alias.asname) if alias.asname else _chained(file, alias.name)
    api = _api(file)
    if (
        alias.name != API
        and used
        and all(use and file.names.home(f"{alias.name}.{use}", old=True) in api for use in used)
    ):
        new = API
    if new != alias.name and file.names.has(new):
        file.source.rename(file.source.start(alias), alias.name, new)
    elif not file.names.has(new):
        file.leave(alias, f"{alias.name} no longer exists; check where it is now")


def _chained(file: "FileMigration", module: str) -> list[str | None]:
    """Finds where the file writes the module's full dotted name, such as `a.b.c`.

    For each place, the list has the attribute of the module that is used there, or None if no attribute is used.
    """
    found: list[str | None] = []
    for node in ast.walk(file.source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == module:
            outer = file.parent(node)
            found.append(outer.attr if isinstance(outer, ast.Attribute) else None)
    return found


def _chains(file: "FileMigration") -> None:
    """Renames attributes of modules, such as `toolbox.Running` and `competitor.core.toolbox.Running`."""
    api = _api(file)
    for node in ast.walk(file.source.tree):
        if not isinstance(node, ast.Attribute) or isinstance(file.parent(node), ast.Attribute):
            continue
        root, attributes = _flat(node)
        holder = file.bindings.of.get(root, file.bindings.module).holder(root.id) if root is not None else None
        if root is None or holder is None or not file.replaced.isdisjoint(attributes):
            continue
        if not file.is_placed(node):
            file.leave_moved(node)
            continue
        bound = holder.names[root.id]
        targets = {one.target for one in bound if one.kind == "import"}
        if len(targets) != 1 or any(one.kind != "import" for one in bound):
            continue
        _chain(file, node, root.id, targets.pop(), attributes, api)


def _flat(node: ast.expr) -> tuple[ast.Name | None, list[ast.Attribute]]:
    attributes: list[ast.Attribute] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node)
        node = node.value
    return (node if isinstance(node, ast.Name) else None), attributes


def _chain(
    file: "FileMigration",
    node: ast.Attribute,
    root: str,
    target: str,
    attributes: list[ast.Attribute],
    api: dict[str, str],
) -> None:
    """Applies renames to one dotted expression, such as `core.toolbox.Running`.

    `target` is the module that the first name (`core`) stands for. The function first finds how many of the names form
    the module's path (`core.toolbox`), then renames the name after them (`Running`).
    """
    if target.split(".")[0] != PACKAGE:
        return
    dotted, module_at = target, 0
    for at, attribute in enumerate(attributes, 1):
        longer = f"{dotted}.{attribute.attr}"
        if longer in file.names.owners:
            return
        if file.names.module(file.names.moved(longer)) is None:
            break
        dotted, module_at = longer, at
    if module_at >= len(attributes) or (not module_at and file.names.module(file.names.moved(dotted)) is None):
        return
    name = attributes[module_at]
    old = f"{dotted}.{name.attr}"
    if old in file.removed:
        file.leave(node, f"{name.attr} was removed: {file.removed[old]}")
        return
    home = file.names.home(old, old=True)
    used = _uses(file, root) if not module_at else _chained(file, dotted)
    to_api = dotted != API and all(use and file.names.home(f"{dotted}.{use}", old=True) in api for use in used)
    new_module, new_name = (API, api[home]) if to_api and home in api else _pair(file.names.moved(old))
    if not file.names.has(f"{new_module}.{new_name}"):
        file.leave(node, f"{name.attr} is no longer in {new_module}")
        return
    stays = file.names.moved(dotted) if not to_api else API
    if new_module != stays:
        _by_name(file, name, new_module, new_name)
        return
    if new_name != name.attr:
        file.source.rename(file.source.end(name) - len(name.attr.encode()), name.attr, new_name)
    if module_at and new_module != dotted:
        prefix = attributes[module_at - 1]
        if target != PACKAGE and not new_module.startswith(f"{target}."):
            file.leave(node, f"{new_module}.{new_name}")
            return
        file.source.replace(file.source.start(prefix), file.source.end(prefix), root + new_module[len(target) :])


def _by_name(file: "FileMigration", chain: ast.Attribute, module: str, name: str) -> None:
    """Replaces an expression such as `toolbox.fit` by `fit`, and imports `fit` from its new module."""
    if file.is_free(module, name):
        file.source.replace(file.source.start(chain), file.source.end(chain), name)
        file.to_import.add((module, name))
    else:
        file.leave(chain, f"{name} of {module}")
