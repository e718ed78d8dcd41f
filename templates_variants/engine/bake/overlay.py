"""Adds the chosen backend to a newly rendered repo, and records what was made.

It runs in cookiecutter's own Python, so it may use only the standard library, jinja2 and cookiecutter.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from cookiecutter.generate import generate_files

from templates_variants.engine.bake import record, variants
from templates_variants.engine.bake.files import CACHES, files_below

Answers = dict[str, Any]

_FOLDER = "{{cookiecutter.project_slug}}"


def fresh(answers: Answers, template: Path, scratch: Path) -> Path:
    """Makes a complete new repo in `scratch`, as the hooks do. Returns its folder."""
    context = {"cookiecutter": answers}
    made = Path(generate_files(repo_dir=str(template), context=context, output_dir=str(scratch), accept_hooks=False))
    put_in(answers, template, made)
    return made


def put_in(answers: Answers, template: Path, project: Path) -> None:
    """Renders the variant's adapters, then its folder, into a repo that has only the core. Then writes `.janus/`."""
    variant = template / variants.FOLDER / answers["backend"]
    adapters = variants.adapter_folders(template, answers["backend"])
    for folder in (*adapters, variant):
        _render_over(folder, answers, project)
    clear_caches(template, project)
    common = [path for folder in (template, *adapters) for path in sources(folder)]
    record.write(answers, project, common, sources(variant))


def _render_over(folder: Path, answers: Answers, project: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        context = {"cookiecutter": answers}
        made = Path(generate_files(repo_dir=str(folder), context=context, output_dir=scratch, accept_hooks=False))
        for path in sources(folder):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(made / path, project / path)


def clear_caches(template: Path, project: Path) -> None:
    """Removes the caches that cookiecutter copied because the template's folder contained them."""
    root = template / _FOLDER
    for cache in (path for name in CACHES for path in root.rglob(name)):
        shutil.rmtree(project / cache.relative_to(root), ignore_errors=True)


def sources(folder: Path) -> list[str]:
    """The sorted paths, relative to a repo, of the files that this folder of the template adds to the repo."""
    return files_below(folder / _FOLDER)


def next_steps(project: Path) -> str:
    """The text that tells the owner what to type next."""
    return (
        f"\n{project.name} is ready. The next commands:\n\n"
        f"  cd {project.name}\n"
        "  make run                # serves on http://localhost:8080; its console is at http://localhost:8080/debug\n"
        "  make test               # the contract's tests and yours\n"
        "  make workshop           # eight steps to a submission, as a scoreboard\n"
        "  cp .env.example .env    # then name a real model there; until then the offline model answers\n"
        '  git init && git add --all && git commit --message "New competitor"\n\n'
        "Without make: `python -m competitor run`, `test` and `workshop`.\n"
        "The file to edit is competitor/backend/agent.py; README.md explains the rest.\n"
    )
