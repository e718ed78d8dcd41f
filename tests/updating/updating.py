"""Runs the two commands that update a repo, with the options that an owner would use."""

import json
import subprocess
from pathlib import Path

from templates_variants.engine.bake.record import HOME
from templates_variants.engine.bake.zones import zone_of

from ..baking.baking import git, run


def update(repo: Path, home: Path, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m competitor update --yes`, which fetches the template from the address that the repo has recorded.

    The tests' templates are not the public one, so the address is repeated with `--template`.
    """
    given = ("competitor", "update", "--yes", *options, *(() if "--template" in options else recorded_template(repo)))
    return run(*given, cwd=repo, home=home, check=False, **environment)


def plain(
    repo: Path,
    template: str,
    home: Path,
    *answers: str,
    config: Path = Path(".janus/answers.json"),
    flags: tuple[str, ...] = (),
) -> "subprocess.CompletedProcess[str]":
    """Runs `cookiecutter TEMPLATE --no-input --config-file .janus/answers.json -f -o ..` in the repo."""
    given = ("--no-input", "--config-file", str(config), "-f", *flags, "-o", "..", *answers)
    return run("cookiecutter", template, *given, cwd=repo, home=home, check=False, PWD=str(repo))


def recorded_template(repo: Path) -> tuple[str, ...]:
    """The option that repeats the recorded address; nothing for the public template."""
    try:
        address = json.loads((repo / ".janus/template.json").read_text(encoding="utf-8"))["template"]
    except (OSError, ValueError):
        return ()
    return () if address == HOME else ("--template", address)


def contract_files(repo: Path) -> dict[str, bytes]:
    """Maps each contract file in the repo's record to its current bytes."""
    named = json.loads((repo / ".janus/contract.json").read_text(encoding="utf-8"))["files"]
    return {path: (repo / path).read_bytes() for path in named}


def only_in_zone(repo: Path, zone: str) -> set[str]:
    listed = (path.relative_to(repo).as_posix() for path in repo.rglob("*") if path.is_file())
    return {path for path in listed if zone_of(path) == zone and not path.startswith((".git/", ".janus/"))}


def changes(repo: Path, home: Path) -> list[str]:
    return git("status", "--porcelain", cwd=repo, home=home).splitlines()
