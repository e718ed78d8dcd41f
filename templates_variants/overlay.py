"""Puts the chosen backend into a freshly rendered repo, and records what was made.

It runs in cookiecutter's own interpreter: the standard library, jinja2 and cookiecutter are all it may use.
"""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from cookiecutter.generate import generate_files

from templates_variants.zones import zone_of

Answers = dict[str, Any]

_FOLDER = "{{cookiecutter.project_slug}}"


def put_in(answers: Answers, template: Path, project: Path) -> None:
    """Renders the variant's folder over the project, then writes `.janus/`.

    Where the project existed before, the owner's files of the variant stay as they are.
    """
    variant = template / "templates_variants" / answers["backend"]
    again = (project / ".janus" / "contract.json").is_file()
    with tempfile.TemporaryDirectory() as scratch:
        # Rendered aside: straight into the project, an owner's files would be gone before anyone could look.
        made = Path(
            generate_files(
                repo_dir=str(variant), context={"cookiecutter": answers}, output_dir=scratch, accept_hooks=False
            )
        )
        for path in sources(variant):
            goal = project / path
            if again and goal.exists() and zone_of(path) == "owner":
                continue
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(made / path, goal)
    for cache in (template / _FOLDER).rglob("__pycache__"):  # cookiecutter copies a used checkout as it is
        shutil.rmtree(project / cache.relative_to(template / _FOLDER), ignore_errors=True)
    record(answers, project, sorted({*sources(template), *sources(variant)}))


def sources(folder: Path) -> list[str]:
    """The files that a template's folder makes, sorted."""
    root = folder / _FOLDER
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if "__pycache__" not in path.parts)


def record(answers: Answers, project: Path, paths: list[str]) -> None:
    """`.janus/`: the answers, the hashes of the contract's files, and a copy of each shared file to merge from."""
    janus = project / ".janus"
    given = {name: value for name, value in answers.items() if not name.startswith("_")}
    versions = {name: answers[f"_{name}"] for name in ("template_version", "contract_version")}
    hashes = {path: _digest(project / path) for path in paths if zone_of(path) == "contract"}
    _write(janus / "answers.json", {"default_context": given})
    _write(janus / "contract.json", {**versions, "files": hashes})
    shutil.rmtree(janus / "base", ignore_errors=True)
    for path in paths:
        if zone_of(path) == "shared":
            base = janus / "base" / path
            base.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project / path, base)


def next_steps(project: Path) -> str:
    """What to type next."""
    return (
        f"\n{project.name} is ready. The next three commands:\n\n"
        f"  cd {project.name}\n"
        "  make run     # serves on http://localhost:8080; on the offline model until .env names another\n"
        "  make test    # the contract's tests and yours\n\n"
        "Without make: `python -m competitor run` and `python -m competitor test`.\n"
        "Your file is competitor/backend/agent.py; the README shows the rest.\n"
    )


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _write(file: Path, value: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8", newline="\n"
    )
