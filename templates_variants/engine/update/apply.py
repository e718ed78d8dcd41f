"""Plans an update and carries it out. Both `competitor update` and `cookiecutter ... -f` (in its hooks) use it."""

import json
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from templates_variants.engine.bake import bases, record
from templates_variants.engine.bake.files import File, files_below, in_the_way, read, write
from templates_variants.engine.bake.zones import zone_of
from templates_variants.engine.update import locks, own_files, switch_backend, transaction
from templates_variants.engine.update.git import git
from templates_variants.engine.update.plan import Obstacle, Plan, Repo, Step, beside, decide, unused
from templates_variants.engine.update.preconditions import Refused

ORIGIN = ".janus/template.json"
WHILE_RUNNING = "{} was saved while the update was running, so the update restored all other files; run this again"


def plan(repo: Repo, template: Path, *, migrate: bool = True) -> Plan:
    """Plans a step for each path, and collects the obstacles. Changes no file.

    If `migrate` is false, the plan does not edit the owner's own files. It only lists the lines that must change.
    """
    steps: dict[str, Step] = {}
    found: list[Obstacle] = []
    paths = sorted(repo.was.paths | repo.now.paths)
    repo = replace(repo, goes=frozenset(_goes(repo, paths)))
    for path in (path for path in paths if zone_of(path) != "derived"):
        decided = decide(repo, path)
        if isinstance(decided, Obstacle):
            found.append(decided)
        else:
            steps[path] = decided
    if repo.switches:
        if blocked := in_the_way(repo.project, f"{switch_backend.BACKEND}/agent.py"):
            found.append(
                Obstacle(switch_backend.BACKEND, f"{blocked}; it must be a folder before the backend can be switched")
            )
        steps.update((step.path, step) for step in switch_backend.steps(repo))
    migrated = own_files.migrated(repo, steps)
    if migrate:
        steps.update((step.path, step) for step in own_files.steps(repo, steps, migrated))
    for path in (path for path in paths if zone_of(path) == "derived"):
        blocked = repo.blocked(path)
        left = Step(path, "kept", source=path, note=f"{blocked}, so this path is not changed")
        steps[path] = left if blocked else locks.decide(repo, path, steps)
    for step in list(steps.values()):
        steps.update((more.path, more) for more in (*beside(repo, step), *_copies(repo, step)))
    for step in [*_record(repo), *_cruft(repo, template)]:
        steps[step.path] = step
    named = migrated.left if migrate else (*own_files.lines(repo, migrated), *migrated.left)
    return Plan(tuple(steps[path] for path in sorted(steps)), tuple(found), migrated.why, named, migrate)


def _goes(repo: Repo, paths: Iterable[str]) -> Iterator[str]:
    """Yields the files that the new template no longer has, if the owner did not edit them."""
    for path in paths:
        if path not in repo.now.paths and zone_of(path) != "derived" and not repo.blocked(path):
            step = decide(repo, path)
            if isinstance(step, Step) and step.deed == "deleted":
                yield path


def _copies(repo: Repo, step: Step) -> Iterator[Step]:
    """Yields a step that copies an edited contract file before it is replaced, if the edit is not committed."""
    mine = repo.mine(step.path)
    if step.deed not in ("replaced", "deleted") or zone_of(step.path) != "contract" or mine is None:
        return
    if repo.was.is_as_made(step.path, mine) or step.becomes == mine:
        return
    shown = git(repo.project, "show", f"HEAD:./{step.path}")
    if shown.returncode or File(shown.stdout).text != mine.text:
        yield Step(unused(repo.project, f"edited_old/{step.path}"), "copied", mine, note=f"your version of {step.path}")


def planned(repo: Repo, template: Path, address: str, *, migrate: bool) -> Plan:
    """Returns the same as `plan`, and writes the origin to the record of the fresh repo.

    The origin is the address of the template and the version to which the owner's own files are migrated.
    """
    record.write_origin(repo.made, address, repo.now.template_version)
    found = plan(repo, template, migrate=migrate)
    if not migrate and found.left:
        record.write_origin(repo.made, address, repo.was.migrated)
        found = plan(repo, template, migrate=False)
    return found


def changed(repo: Repo, plan: Plan) -> set[str]:
    """Returns the paths that the plan will change."""
    differ = set()
    for step in plan.steps:
        if step.source:
            if step.source != step.path:
                differ.add(step.path)
        elif step.becomes != repo.mine(step.path):
            differ.add(step.path)
    return set() if differ == {ORIGIN} and _differs_by_version_only(repo) else differ


def _differs_by_version_only(repo: Repo) -> bool:
    """Whether the old and the new origin differ only in the version up to which the owner's files are migrated."""
    mine, theirs = repo.mine(ORIGIN), read(repo.made, ORIGIN)
    if mine is None or theirs is None:
        return False
    old, new = json.loads(mine.data), json.loads(theirs.data)
    return isinstance(old, dict) and "migrated" in old and {**old, "migrated": ""} == {**new, "migrated": ""}


def final(repo: Repo, plan: Plan, paths: set[str], scratch: Path) -> dict[str, Path | None]:
    """Writes the new files to `scratch`. Maps each path to its new file, or to None if the plan deletes it."""
    made: dict[str, Path | None] = {}
    for step in plan.steps:
        if step.path in paths:
            source = repo.project / step.source if step.source else None
            made[step.path] = write(scratch, step.path, step.becomes) if step.becomes else source
    return made


def carry_out(project: Path, files: Mapping[str, Path | None], process: int) -> None:
    """Makes all changes or none: if anything fails, rolls the repo back.

    Raises `Refused` if somebody changed a file during the update.
    """
    prepared = False
    try:
        transaction.prepare(project, files, process=process)
        prepared = True
        transaction.swap(project)
    except transaction.Changed as changed:
        with undisturbed():
            transaction.roll_back(project)
        raise Refused(WHILE_RUNNING.format(changed)) from None
    except BaseException:
        with undisturbed():
            left = transaction.roll_back(project)
        if left is not None or not prepared:
            raise  # otherwise the error came after the last step, and the update is done


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignores the signals that would end this process, as long as the context is open."""
    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(name, signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _record(repo: Repo) -> Iterator[Step]:
    """Yields steps that replace the files in `.janus/` with those of the fresh repo, and delete `.janus/base/`."""
    for path in bases.old_files(repo.project):
        yield Step(f"{bases.OLD_FOLDER}/{path}", "record")
    for path in (f".janus/{path}" for path in files_below(repo.made / ".janus")):
        yield Step(path, "record", _bases(repo) if path == bases.FILE else read(repo.made, path))


def _bases(repo: Repo) -> File | None:
    """Returns the new file of bases, or the present file if it has the same content.

    The bytes can differ although the content is the same, because zlib's output differs between systems.
    """
    mine, theirs = repo.mine(bases.FILE), read(repo.made, bases.FILE)
    return mine if mine and repo.was.bases == repo.now.bases and not bases.old_files(repo.project) else theirs


def _cruft(repo: Repo, template: Path) -> Iterator[Step]:
    """Yields a step that records the template's commit in `.cruft.json`, if the owner also uses cruft in this repo."""
    state, commit = repo.mine(".cruft.json"), _commit(template)
    if state is None or commit is None:
        return
    try:
        kept = json.loads(state.data)
        kept["commit"] = commit
        kept["context"]["cookiecutter"].update(repo.now.answers)
    except (ValueError, KeyError, TypeError):
        return  # cruft did not write this file
    yield Step(".cruft.json", "record", File((json.dumps(kept, indent=2) + "\n").encode(), state.executable))


def _commit(template: Path) -> str | None:
    """Returns the commit of the template; None if its folder is not in git or has uncommitted changes."""
    status, head = git(template, "status", "--porcelain"), git(template, "rev-parse", "HEAD")
    clean = status.returncode == 0 and not status.stdout and head.returncode == 0
    return head.stdout.decode().strip() if clean else None
