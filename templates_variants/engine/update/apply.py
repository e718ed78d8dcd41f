"""The update itself, the same for both ways: `competitor update`, and `cookiecutter ... -f` by the hooks."""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from templates_variants.engine.bake import bases, record
from templates_variants.engine.bake.files import File, files_below, in_the_way, read, write
from templates_variants.engine.bake.zones import zone_of
from templates_variants.engine.update import locks, switch_backend, transaction
from templates_variants.engine.update.git import git
from templates_variants.engine.update.plan import Obstacle, Plan, Repo, Step, beside, decide


def plan(repo: Repo, template: Path) -> Plan:
    """A step for each path, or the obstacles; nothing is touched."""
    steps: dict[str, Step] = {}
    found: list[Obstacle] = []
    paths = sorted(repo.was.paths | repo.now.paths)
    for path in (path for path in paths if zone_of(path) != "derived"):
        decided = decide(repo, path)
        if isinstance(decided, Obstacle):
            found.append(decided)
        else:
            steps[path] = decided
    if repo.switches:
        if blocked := in_the_way(repo.project, f"{switch_backend.BACKEND}/agent.py"):
            found.append(
                Obstacle(switch_backend.BACKEND, f"{blocked}; make it a folder, then the backend can be switched")
            )
        steps.update((step.path, step) for step in switch_backend.steps(repo))
    for path in (path for path in paths if zone_of(path) == "derived"):
        blocked = in_the_way(repo.project, path)
        left = Step(path, "kept", source=path, note=f"{blocked}, so it is left alone")
        steps[path] = left if blocked else locks.decide(repo, path, steps)
    for step in list(steps.values()):
        steps.update((more.path, more) for more in beside(repo, step))
    for step in [*_record(repo), *_cruft(repo, template)]:
        steps[step.path] = step
    return Plan(tuple(steps[path] for path in sorted(steps)), tuple(found))


def changed(repo: Repo, plan: Plan) -> set[str]:
    """The paths that will be other than they are."""
    differ = set()
    for step in plan.steps:
        if step.source:
            if step.source != step.path:
                differ.add(step.path)
        elif step.becomes != repo.mine(step.path):
            differ.add(step.path)
    return differ


def final(repo: Repo, plan: Plan, paths: set[str], scratch: Path) -> dict[str, Path | None]:
    """For the journal: path -> the file that it becomes."""
    made: dict[str, Path | None] = {}
    for step in plan.steps:
        if step.path in paths:
            source = repo.project / step.source if step.source else None
            made[step.path] = write(scratch, step.path, step.becomes) if step.becomes else source
    return made


def carry_out(project: Path, files: Mapping[str, Path | None], process: int) -> None:
    """All of it, or nothing: whatever comes between, the repo is then what it was."""
    prepared = False
    try:
        transaction.prepare(project, files, process=process)
        prepared = True
        transaction.swap(project)
    except BaseException:
        with undisturbed():
            taken_back = transaction.roll_back(project)
        if taken_back is not None or not prepared:
            raise  # else it came after the last step, and all is done


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that would end this process wait."""
    names = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(name, signal.SIG_IGN) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _record(repo: Repo) -> Iterator[Step]:
    """`.janus/` becomes that of the new repo, without the older form of the bases; what else lies in it stays."""
    for path in bases.old_files(repo.project):
        yield Step(f"{bases.OLD_FOLDER}/{path}", "record")
    for path in (f".janus/{path}" for path in files_below(repo.made / ".janus")):
        yield Step(path, "record", _bases(repo) if path == bases.FILE else read(repo.made, path))


def _bases(repo: Repo) -> File | None:
    """The new bases; those of the repo where they hold the same, since zlib may differ from system to system."""
    mine, theirs = repo.mine(bases.FILE), read(repo.made, bases.FILE)
    return mine if mine and repo.was.bases == repo.now.bases and not bases.old_files(repo.project) else theirs


def _cruft(repo: Repo, template: Path) -> Iterator[Step]:
    """cruft goes on from the template's commit of this update, where it looks after the repo as well."""
    state, commit = repo.mine(".cruft.json"), _commit(template)
    if state is None or commit is None:
        return
    try:
        kept = json.loads(state.data)
        kept["commit"] = commit
        kept["context"]["cookiecutter"].update(repo.now.answers)
    except (ValueError, KeyError, TypeError):
        return  # no file of cruft's
    yield Step(".cruft.json", "record", File((json.dumps(kept, indent=2) + "\n").encode(), state.executable))


def _commit(template: Path) -> str | None:
    """The commit of a checkout without changes."""
    status, head = git(template, "status", "--porcelain"), git(template, "rev-parse", "HEAD")
    clean = status.returncode == 0 and not status.stdout and head.returncode == 0
    return head.stdout.decode().strip() if clean else None


def origin(made: Path, template: str) -> None:
    """Records where the template came from, when a copy of it was rendered."""
    record.write_json(made / ".janus" / "template.json", {"template": template})
