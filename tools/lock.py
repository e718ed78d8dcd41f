"""Regenerates all locks: first the template's lock, which has the packages of all variants, then the other locks.

The lock of each variant has the same versions as the template's lock. `make lock` runs this script. `--upgrade` takes
the newest versions; without it, versions that are already pinned stay the same if possible.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parents[1]
BASE = "{{cookiecutter.project_slug}}"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / BASE))

from competitor.cli.locks import stamp  # noqa: E402 - needs the path that was added above

BACKEND = "competitor/backend/requirements.in"
ADAPTERS = "competitor/adapters"
LOCK = "requirements-dev.txt"
OPTIONS = ("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--quiet")
UNNAMED = ("--no-emit-index-url", "--no-emit-find-links", "--system-certs")
UPDATER = "templates_variants"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    upgrade = ("--upgrade",) if parser.parse_args().upgrade else ()
    variants = sorted(ROOT.glob(f"templates_variants/*/{BASE}"))
    with tempfile.TemporaryDirectory() as scratch:
        projects = [bake(variant.parent.name, Path(scratch)) for variant in variants]
        together = lock_the_template(projects, Path(scratch) / "own", *upgrade)
        for variant, project in zip(variants, projects, strict=True):
            lock_a_variant(variant, project, f"--constraint={together}", *upgrade)
        compile_lock(ROOT / UPDATER, "requirements.in", "requirements.txt", f"--constraint={together}", *upgrade)
        compile_lock(
            ROOT / "tests" / "torture", "requirements.in", "requirements.txt", f"--constraint={together}", *upgrade
        )
        for folder in ("torture/policy", "clients", "servers"):  # in environments of their own
            compile_lock(ROOT / "tests" / folder, "requirements.in", "requirements.txt", *upgrade)
        compile_lock(ROOT / "tools" / "site", "requirements.in", "requirements.txt", *upgrade)
        compile_lock(ROOT / BASE / ".github", "tools.in", "tools.txt", *upgrade)
        # LiteLLM runs in its own environment, so its pins do not constrain other locks.
        constraints = [f"--constraint={variant / LOCK}" for variant in variants]
        compile_lock(ROOT / "benchmarks", "requirements.in", "requirements.txt", *constraints, *upgrade)
        compile_lock(ROOT / "benchmarks" / "litellm", "requirements.in", "requirements.txt", *upgrade)
    print("locked the benchmark's peers")


def lock_the_template(projects: list[Path], folder: Path, *options: str) -> Path:
    """Writes one lock for the template's tests with the packages of all variants. Returns its path."""
    shutil.copytree(projects[0], folder / BASE)
    needed = [(project / BACKEND).read_text(encoding="utf-8") for project in projects]
    (folder / BASE / BACKEND).write_text("\n".join(needed), encoding="utf-8")
    for project in projects:  # files that the backends' requirements include
        shutil.copytree(project / ADAPTERS, folder / BASE / ADAPTERS, dirs_exist_ok=True)
    for name in ("requirements-dev.in", LOCK):
        if (ROOT / name).exists():
            shutil.copyfile(ROOT / name, folder / name)
    compile_lock(folder, "requirements-dev.in", LOCK, *options)
    shutil.copyfile(folder / LOCK, ROOT / LOCK)
    print("locked the template")
    return folder / LOCK


def lock_a_variant(variant: Path, project: Path, *options: str) -> None:
    runtime, dev = stamp(project, "requirements.txt"), stamp(project, LOCK)
    compile_lock(project, "requirements.in", "requirements.txt", *options, head=runtime)
    compile_lock(project, "requirements-dev.in", LOCK, "--constraint", "requirements.txt", *options, head=dev)
    for name in ("requirements.txt", LOCK):
        shutil.copyfile(project / name, variant / name)
    print(f"locked {variant.parent.name}")


def bake(variant: str, scratch: Path) -> Path:
    """Bakes a repo with this variant. Returns its folder."""
    config = scratch / "config.yaml"
    config.write_text(f"replay_dir: {scratch.as_posix()}\ncookiecutters_dir: {scratch.as_posix()}\n", encoding="utf-8")
    answers = {"backend": variant, "project_slug": f"lock-{variant}"}
    return Path(
        cookiecutter(str(ROOT), no_input=True, extra_context=answers, output_dir=str(scratch), config_file=str(config))
    )


def compile_lock(folder: Path, source: str, made: str, *more: str, head: str = "") -> None:
    named = ("--custom-compile-command", f"make lock {head}".strip())
    command = [sys.executable, "-m", "uv", "pip", "compile", source, "-o", made, *OPTIONS, *UNNAMED, *named, *more]
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


if __name__ == "__main__":
    main()
