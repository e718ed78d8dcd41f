"""Migrates the owner's own files during an update, or lists the lines in them that must change."""

import difflib
from collections.abc import Iterable, Iterator, Mapping

from templates_variants.engine.bake.files import File
from templates_variants.engine.update.migrations import owned
from templates_variants.engine.update.migrations.langchain_0_3_0 import REQUIREMENTS
from templates_variants.engine.update.migrations.migrate import Migrated, migrate, pending
from templates_variants.engine.update.plan import Repo, Step

NOT_NEEDED = "no longer needed, and not edited since the template made it"


def migrated(repo: Repo, steps: Mapping[str, Step]) -> Migrated:
    """Returns the result of all pending migrations of the owner's files. They are applied to the updated files."""
    migrations = pending(repo.was.migrated, repo.now.template_version)
    if not migrations:
        return Migrated({}, (), ())
    python = _contents(repo, steps, owned.python_files(repo.project))
    settings = _contents(repo, steps, [*owned.settings_files(repo.project), REQUIREMENTS])
    backend = "" if repo.switches else repo.was.backend
    return migrate(python, settings, migrations, backend=backend, new=repo.made, old=repo.project)


def steps(repo: Repo, decided: Mapping[str, Step], done: Migrated) -> Iterator[Step]:
    """Yields the steps that give the owner's files their migrated content."""
    for path, data in done.files.items():
        mine = repo.mine(path)
        if data is None:
            yield Step(path, "deleted", note=NOT_NEEDED)
        else:
            other = decided[path].deed if path in decided else "kept"
            deed = other if other in ("merged", "conflict", "replaced") else "migrated"
            yield Step(path, deed, File(data, mine.executable if mine else False))


def lines(repo: Repo, done: Migrated) -> Iterator[str]:
    """Yields `FILE:LINE: old -> new` for each line that the migrations would change."""
    for path, data in done.files.items():
        before = mine.data if (mine := repo.mine(path)) else b""
        if data is None:
            yield f"{path}: no longer needed; delete it"
            continue
        old, new = (side.decode(errors="replace").splitlines() for side in (before, data))
        for kind, first, last, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if kind != "equal":
                now = "; ".join(line.strip() for line in new[start:end] if line.strip())
                for at in range(first, max(last, first + 1)):
                    was = old[at].strip() if at < last else "(here)"
                    if was:
                        yield f"{path}:{at + 1}: {was} -> {now or 'remove it'}"


def _contents(repo: Repo, steps: Mapping[str, Step], paths: Iterable[str]) -> dict[str, bytes]:
    """Returns the content of each path after the update. Leaves out files that the update adds or deletes."""
    found = {}
    for path in paths:
        step = steps.get(path)
        if step is None or step.source == path:
            file = repo.mine(path)
        elif step.deed in ("merged", "conflict", "replaced"):
            file = step.becomes
        else:
            continue
        if file is not None and not file.binary:
            found[path] = file.data
    return found
