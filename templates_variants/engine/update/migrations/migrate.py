"""Applies migrations to the owner's files. Works in memory: it does not write any file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from templates_variants.engine.update.changelog import number
from templates_variants.engine.update.migrations import ALL
from templates_variants.engine.update.migrations.changes import Files, Migration, RemovedSetting, RenamedSetting
from templates_variants.engine.update.migrations.code import FileMigration
from templates_variants.engine.update.migrations.edits import Source, Unreadable
from templates_variants.engine.update.migrations.names import Names
from templates_variants.engine.update.migrations.scopes import Bindings

MAX_CHAIN = 4  # how many modules may import a name from each other, from its definition to its use
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Migrated:
    """The result of the migrations.

    `files` maps each changed path to its new content, or to None if the file is deleted. `left` has the lines that the
    owner must change by hand. `why` has the reason for each migration that changed a file or added such a line.
    """

    files: Mapping[str, bytes | None]
    left: tuple[str, ...]
    why: tuple[str, ...]


def pending(since: str, until: str, migrations: Sequence[Migration] = ALL) -> list[Migration]:
    """Returns the migrations after version `since`, up to and including `until`, sorted by version."""
    found = [one for one in migrations if number(since) < number(one.version) <= number(until)]
    return sorted(found, key=lambda one: number(one.version))


def migrate(
    python: Mapping[str, bytes],
    settings: Mapping[str, bytes],
    migrations: Sequence[Migration],
    *,
    backend: str,
    new: Path,
    old: Path,
) -> Migrated:
    """Migrates the owner's files. `python` and `settings` map the path of each such file to its content.

    `new` is a fresh repo from the new template, where the new names are looked up. `old` is the owner's repo, where the
    old names are looked up in the contract files.
    """
    before = {**settings, **python}
    files: Files = dict(before)
    left: list[str] = []
    why: list[str] = []
    for at, migration in enumerate(migrations):
        start, found = dict(files), len(left)
        if backend in migration.rewrites:
            left += migration.rewrites[backend](files)
        _settings(files, [path for path in settings if path in files], migration, left)
        later = [_moves(one) for one in migrations[at:]]
        _python(files, [path for path in files if path.endswith(".py")], migration, later, new, old, left)
        if files != start or len(left) > found:
            why.append(f"{migration.version}: {migration.why}")
    changed = {path: files.get(path) for path in before if files.get(path) != before[path]}
    return Migrated(changed, tuple(dict.fromkeys(left)), tuple(why))


def _moves(migration: Migration) -> dict[str, str]:
    moved = {**migration.modules, **migration.names}
    return {f"competitor.{name}": f"competitor.{home}" for name, home in moved.items()}


def _python(
    files: Files,
    paths: Iterable[str],
    migration: Migration,
    moves: Sequence[Mapping[str, str]],
    new: Path,
    old: Path,
    left: list[str],
) -> None:
    sources: dict[str, tuple[Source, Bindings]] = {}
    for path in paths:
        try:
            source = Source(path, files[path])
            name, is_package = _module(path)
            sources[name] = source, Bindings(source.tree, name, is_package=is_package)
        except (Unreadable, RecursionError) as error:
            if b"competitor" in files[path] or b"core" in files[path]:
                left.append(f"{path}: not migrated, because it cannot be read as Python ({error}); change it by hand")
    names = Names({name: bindings for name, (_, bindings) in sources.items()}, new, old, moves)
    words = {name: set(_WORD.findall(source.text(0, source.size))) for name, (source, _) in sources.items()}
    users = _users([bindings for _, bindings in sources.values()])
    for name, (source, bindings) in sources.items():
        used = words[name].union(*(words[user] for user in users.get(name, ())))
        work = FileMigration(migration, source, bindings, names, used)
        try:
            work.run()
            edited = source.edited
        except (Unreadable, RecursionError) as error:
            lines = [f"{source.path}:{line}: {source.line(line)}" for line in source.edited_lines] or [source.path]
            left += [f"{line} -> change it by hand: this file was not migrated ({error})" for line in lines]
            left += map(str, work.left)
            continue
        if edited is not None:
            files[source.path] = edited
        left += map(str, work.left)


def _users(modules: Iterable[Bindings]) -> dict[str, set[str]]:
    """Maps each module to the modules that import from it, directly or through other modules."""
    users: dict[str, set[str]] = {}
    for module in modules:
        for scope in {id(scope): scope for scope in module.of.values()}.values():
            targets = [one.target for bound in scope.names.values() for one in bound if one.kind == "import"]
            for target in (*targets, *scope.stars):
                for head in (target, target.rpartition(".")[0]):
                    users.setdefault(head, set()).add(module.name)
    for _ in range(MAX_CHAIN):
        users = {name: found.union(*(users.get(one, set()) for one in found)) for name, found in users.items()}
    return users


def _module(path: str) -> tuple[str, bool]:
    """Returns the dotted name of a Python file, and whether it is a package."""
    parts = path.removesuffix(".py").split("/")
    return (".".join(parts[:-1]), True) if parts[-1] == "__init__" else (".".join(parts), False)


def _settings(files: Files, paths: Iterable[str], migration: Migration, left: list[str]) -> None:
    """Renames settings in `.env`, compose files, CI and scripts. Only whole words are replaced."""
    changes = [change for change in migration.changes if isinstance(change, RenamedSetting | RemovedSetting)]
    for path in paths:
        for change in changes:
            old = _lines(files[path], change.old)
            if isinstance(change, RemovedSetting):
                left += [f"{path}:{line}: {change.old} was removed: {change.instead}" for line in old]
            elif old and _lines(files[path], change.new):
                both = f"{change.old} is now {change.new}, which this file already sets: keep one of them"
                left += [f"{path}:{line}: {both}" for line in old]
            else:
                files[path] = _word(change.old).sub(change.new.encode(), files[path])


def _word(setting: str) -> "re.Pattern[bytes]":
    return re.compile(rb"(?<![A-Za-z0-9_])" + re.escape(setting.encode()) + rb"(?![A-Za-z0-9_])")


def _lines(data: bytes, setting: str) -> list[int]:
    """Returns the numbers of the lines that contain this setting."""
    return [at for at, line in enumerate(data.split(b"\n"), 1) if _word(setting).search(line)]
