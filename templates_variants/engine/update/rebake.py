"""Updates an existing repo with `cookiecutter ... -f`: the hooks call this before and after cookiecutter writes.

Between the hooks, cookiecutter overwrites every file that the template makes, without asking. So `before` plans the
whole update while no file is changed yet, and prepares the transaction. `after` then writes the planned content to each
file. If cookiecutter fails between the hooks, the next update rolls the repo back.
"""

import os
import tempfile
from pathlib import Path

from templates_variants.engine.bake.files import in_the_way
from templates_variants.engine.bake.overlay import Answers, clear_caches, fresh, sources
from templates_variants.engine.bake.record import load
from templates_variants.engine.update import apply, preconditions, report, transaction
from templates_variants.engine.update.plan import Obstacle, Plan, Repo

_REPORT = ".janus/update/report.txt"
_CONFLICTS = ".janus/update/conflicts"


def before(answers: Answers, template: Path, project: Path) -> None:
    """Prepares the update of an existing repo; does nothing for a new one. If it raises `Refused`, nothing changed."""
    preconditions.of_this_version(answers, template)
    preconditions.not_renamed(answers, project, os.environ)
    if not any(path.name != ".git" for path in project.iterdir()):
        return
    with preconditions.alone(project):
        _before(answers, template, project)


def _before(answers: Answers, template: Path, project: Path) -> None:
    preconditions.recovered(project, besides=os.getppid())
    was = preconditions.ours(project)
    preconditions.committed(project)
    preconditions.resolved(project, was)
    preconditions.from_the_record(was.answers, answers, template)
    preconditions.answers_hold(was.answers, {name: answers[name] for name in was.answers if name in answers}, template)
    with tempfile.TemporaryDirectory() as scratch:
        made = _fresh(answers, template, Path(scratch) / "made")
        repo = Repo(project, made, was, load(made))
        plan = apply.planned(repo, template, repo.now.template, migrate=False)
        found = (*plan.obstacles, *_written_through(project, template))
        if found:
            raise preconditions.Refused(report.obstacles(repo, found))
        paths = apply.changed(repo, plan) | set(sources(template))
        files = apply.final(repo, plan, paths, Path(scratch) / "final")
        try:
            between = {path: made / path for path in sources(template)}
            transaction.prepare(project, files, process=os.getppid(), between=between)
            (project / _REPORT).write_text(_said(repo, plan, template), encoding="utf-8")
            (project / _CONFLICTS).write_text("\n".join(plan.conflicts), encoding="utf-8")
        except BaseException:
            with apply.undisturbed():
                transaction.roll_back(project)
            raise


def after(template: Path, project: Path) -> int | None:
    """Finishes the update of an existing repo. Returns 1 if there are conflicts, otherwise 0; None for a new repo."""
    if not transaction.is_pending(project):
        return None
    said = (project / _REPORT).read_text(encoding="utf-8")
    conflicts = (project / _CONFLICTS).read_text(encoding="utf-8")
    try:
        clear_caches(template, project)
        with preconditions.alone(project):
            transaction.swap(project)
    except transaction.Changed as changed:
        with apply.undisturbed():
            transaction.roll_back(project)
        raise preconditions.Refused(apply.WHILE_RUNNING.format(changed)) from None
    except BaseException:
        with apply.undisturbed():
            transaction.roll_back(project)
        raise
    print(said)
    return 1 if conflicts else 0


def _fresh(answers: Answers, template: Path, scratch: Path) -> Path:
    try:
        return fresh(answers, template, scratch)
    except Exception as error:  # noqa: BLE001 - a template may raise any exception; the repo is still unchanged
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise preconditions.Refused(
            f"the new template failed ({said}); report it to the maintainers, or choose another version with --checkout"
        ) from None


def _written_through(project: Path, template: Path) -> list[Obstacle]:
    """Returns the links, folders and read-only files at paths that cookiecutter would write to, as obstacles."""
    blocked = {path: what for path in sources(template) if (what := in_the_way(project, path))}
    sentence = "{}, so cookiecutter cannot safely write this file; use `python -m competitor update` instead"
    found = [Obstacle(path, sentence.format(what)) for path, what in blocked.items()]
    protected = [path for path in sources(template) if not (path in blocked or _is_writable(project / path))]
    said = "is read-only, so cookiecutter would fail; make it writable (`chmod u+w`)"
    return found + [Obstacle(path, said) for path in protected]


def _is_writable(file: Path) -> bool:
    """Whether this process may write this file, or create it if it does not exist."""
    while not file.exists():
        file = file.parent
    return os.access(file, os.W_OK)


def _said(repo: Repo, plan: Plan, template: Path) -> str:
    if not apply.changed(repo, plan):
        said = "Nothing has changed; the repo is up to date."
        return f"{report.own_lines(plan)}\n{said}" if plan.left else said
    return f"{report.summary(repo, plan, template)}\n\n{report.next_steps(plan)}"
