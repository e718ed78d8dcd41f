"""Makes every lock anew: the template's own, then each variant's with the same versions. `make lock` runs it.

`--upgrade` takes the newest versions; without it, what is pinned stays where it can.
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

from competitor.locks import stamp  # noqa: E402 - the path to it was not known before

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
        for variant in variants:
            made = bake(variant.parent.name, Path(scratch))
            if upgrade or not (variant / LOCK).exists():
                for name in ("requirements.txt", LOCK):
                    (made / name).unlink(missing_ok=True)
            runtime, dev = stamp(made, "requirements.txt"), stamp(made, LOCK)
            compile_lock(made, "requirements.in", "requirements.txt", *upgrade, head=runtime)
            compile_lock(made, "requirements-dev.in", LOCK, "--constraint", "requirements.txt", *upgrade, head=dev)
            for name in ("requirements.txt", LOCK):
                shutil.copyfile(made / name, variant / name)
            print(f"locked {variant.parent.name}")
        own = Path(scratch) / "own"
        shutil.copytree(made, own / BASE)
        for name in ("requirements-dev.in", LOCK):
            if (ROOT / name).exists():
                shutil.copyfile(ROOT / name, own / name)
        constraints = [f"--constraint={variant / LOCK}" for variant in variants]
        compile_lock(own, "requirements-dev.in", LOCK, *constraints, *upgrade)
        shutil.copyfile(own / LOCK, ROOT / LOCK)
        compile_lock(ROOT / UPDATER, "requirements.in", "requirements.txt", f"--constraint={ROOT / LOCK}", *upgrade)
    print("locked the template")


def bake(variant: str, scratch: Path) -> Path:
    """A fresh project with this variant; its folder."""
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
