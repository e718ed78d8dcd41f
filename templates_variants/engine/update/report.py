"""Writes the report of an update: the changes of the contract, the step for each file, and the next steps."""

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from templates_variants.engine.bake.files import File, digest
from templates_variants.engine.update.changelog import contract_changes
from templates_variants.engine.update.git import git
from templates_variants.engine.update.locks import STALE
from templates_variants.engine.update.plan import Obstacle, Plan, Repo

# deed -> the word in the report, in the order of the report
_SAID = {
    "conflict": "CONFLICT",
    "merged": "merged",
    "replaced": "replaced",
    "migrated": "migrated",
    "restored": "restored",
    "new": "new",
    "deleted": "deleted",
    "moved": "moved",
    "copied": "copied",
}
MAX_DIFF_LINES = 60


def summary(repo: Repo, plan: Plan, template: Path) -> str:
    """Returns the report that is shown before any file is changed."""
    was, now = repo.was, repo.now
    contract = f"contract {was.contract_version}"
    if now.contract_version != was.contract_version:
        contract += f" -> {now.contract_version}"
    lines = [f"janus-template {was.template_version} -> {now.template_version}, {contract}", ""]
    changes = contract_changes(
        (template / "CHANGELOG.md").read_text(encoding="utf-8") if (template / "CHANGELOG.md").exists() else "",
        was.template_version,
        now.template_version,
    )
    if changes:
        lines += ["What changes in the contract", "", changes, ""]
    lines += [*_answers(repo), "What happens to the files", "", *_files(plan), *_own_files(repo, plan)]
    return "\n".join(lines)


def outdated(repo: Repo, plan: Plan, template: Path, changed: set[str]) -> dict[str, Any]:
    """Returns the result of `competitor outdated`: versions, changes of the contract, what an update would do."""
    was, now = repo.was, repo.now
    log = template / "CHANGELOG.md"
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    by_deed: dict[str, list[str]] = {
        deed: [step.path for step in plan.steps if step.deed == deed and step.path in changed] for deed in _SAID
    }
    return {
        "outdated": bool(changed),
        "template": {"yours": was.template_version, "newest": now.template_version},
        "contract": {"yours": was.contract_version, "newest": now.contract_version},
        "contract_changes": contract_changes(text, was.template_version, now.template_version),
        "files": {deed: paths for deed, paths in by_deed.items() if paths},
        "conflicts": plan.conflicts,
        "blocked": {obstacle.path: obstacle.sentence for obstacle in plan.obstacles},
        "by_hand": list(plan.left),
    }


def outdated_text(found: Mapping[str, Any]) -> str:
    """The same for people."""
    template, contract = found["template"], found["contract"]
    versions = (("janus-template", template), ("contract", contract))
    if not found["outdated"]:
        return f"Up to date: janus-template {template['newest']}, contract {contract['newest']}."
    lines = [", ".join(f"{name} {one['yours']} -> {one['newest']}" for name, one in versions)]
    if found["contract_changes"]:
        lines += ["", "What changes in the contract", "", found["contract_changes"]]
    counts = [f"{len(paths)} {_SAID[deed].lower()}" for deed, paths in found["files"].items()]
    lines += ["", f"Files: {', '.join(counts) or 'only the record of the versions'}"]
    if found["conflicts"]:
        lines.append(f"Conflicts to resolve: {', '.join(found['conflicts'])}")
    for path, sentence in found["blocked"].items():
        lines.append(f"Blocks the update: {path} {sentence}")
    lines += [f"To change by hand: {line}" for line in found["by_hand"]]
    return "\n".join([*lines, "", "`python -m competitor update` shows the changes, asks you, and applies them."])


def _answers(repo: Repo) -> Iterator[str]:
    old, new = repo.was.answers, repo.now.answers
    for name in sorted({*old, *new}):
        if name not in new:
            yield f"The template no longer uses the answer {name}.\n"
        elif name not in old:
            yield f"A new answer: {name}={new[name]} (change it in .janus/answers.json)\n"
        elif old[name] != new[name]:
            yield f"A changed answer: {name}={new[name]} (was {old[name]})\n"


def _files(plan: Plan) -> Iterator[str]:
    for deed, said in _SAID.items():
        for step in plan.steps:
            if step.deed == deed:
                yield f"  {said:<9} {step.path}" + (f"  ({step.note})" if step.note else "")
    kept = [step for step in plan.steps if step.deed in ("kept", "gone")]
    for step in kept:
        if step.note:
            yield f"  {'kept' if step.deed == 'kept' else 'absent':<9} {step.path}  ({step.note})"
    yield f"  {sum(not step.note for step in kept)} other files, and all files that only you have, stay as they are"


def _own_files(repo: Repo, plan: Plan) -> Iterator[str]:
    """Yields the reasons of the migrations, and the complete diff of each of the owner's files that they change."""
    if plan.why:
        yield from ("", "What changes in your own files", "", *plan.why)
    for step in plan.steps:
        mine = repo.mine(step.path) if step.deed == "migrated" else None
        if mine and step.becomes:
            old, new = (side.text.decode(errors="replace").splitlines() for side in (mine, step.becomes))
            yield ""
            yield from difflib.unified_diff(old, new, f"yours: {step.path}", "migrated", n=1, lineterm="")


def own_lines(plan: Plan) -> str:
    """Returns the text that asks the owner to change lines, followed by these lines."""
    if plan.migrates:
        return "\n     ".join(["change these lines of yours, which could not be migrated:", *plan.left])
    command = "`python -m competitor update` changes them for you, after showing how"
    return "\n     ".join([f"change these lines of yours ({command}):", *plan.left])


def obstacles(repo: Repo, found: tuple[Obstacle, ...]) -> str:
    """Returns the text after "Nothing was changed:": each file that blocks the update, with the owner's changes."""
    lines = ["these files block the update:", ""]
    for obstacle in found:
        lines.append(f"{obstacle.path} {obstacle.sentence}")
        if obstacle.mine:
            lines += [f"    {line}" for line in _diff(repo, obstacle, obstacle.mine)]
    return "\n".join([*lines, "", "Then run this again"])


def _diff(repo: Repo, obstacle: Obstacle, mine: File) -> list[str]:
    """Returns the diff between the old template's file and the owner's file.

    If git does not have the old template's file, the diff starts from the new template's file.
    """
    original, name = _original(repo, obstacle.path), "the template's"
    if original is None:
        original, name = (obstacle.theirs.text if obstacle.theirs else b""), "the new template's"
    old, new = (side.decode(errors="replace").splitlines() for side in (original, mine.text))
    lines = list(difflib.unified_diff(old, new, name, "yours", lineterm=""))
    more = [f"... and {len(lines) - MAX_DIFF_LINES} more lines"] if len(lines) > MAX_DIFF_LINES else []
    return lines[:MAX_DIFF_LINES] + more


def _original(repo: Repo, path: str) -> bytes | None:
    """Returns the file as the old template made it, from the repo's git history; None if git does not have it."""
    commits = git(repo.project, "log", "--format=%H", "--", path).stdout.decode().split()
    for commit in commits:
        shown = git(repo.project, "show", f"{commit}:./{path}")
        if shown.returncode == 0 and digest(shown.stdout) == repo.was.contract.get(path):
            return shown.stdout
    return None


def next_steps(plan: Plan) -> str:
    """Returns the list of what the owner should do after an update."""
    steps = []
    if plan.conflicts:
        steps.append(f"resolve the conflicts between <<<<<<< and >>>>>>> in {', '.join(plan.conflicts)}")
    if any(step.note == STALE for step in plan.steps):
        steps.append("run `make lock`, because a lock no longer matches its sources")
    if moved := sorted({step.path.split("/")[0] for step in plan.steps if step.deed == "moved"}):
        steps.append(f"copy what you need from {moved[0]}/, which has all files of your old backend")
    if plan.left:
        steps.append(own_lines(plan))
    steps += ["`git diff`, `make test`", "commit"]
    return "\n".join(["Next steps:", *(f"  {number}. {step}" for number, step in enumerate(steps, 1))])
