"""Packs a version of this template as a git bundle, which the tests of updates use: `make older REF=v0.2.0`.

A checkout may have no tags and no history, so the repository contains a bundle for each tested version. A bundle has
one commit, with only the files that are needed to bake a repo, and the version's tag. Packing the same commit again
gives the same bundle.
"""

import argparse
import io
import json
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUNDLES = ROOT / "tests" / "updating" / "older"
PATHS = ("cookiecutter.json", "CHANGELOG.md", "hooks", "templates_variants", "{{cookiecutter.project_slug}}")
WHO = {f"GIT_{role}_{what}": who for role in ("AUTHOR", "COMMITTER") for what, who in (("NAME", "a"), ("EMAIL", "a@b"))}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ref", nargs="?", default="HEAD", help="the commit to pack (default: %(default)s)")
    ref = parser.parse_args().ref
    archive = subprocess.run(["git", "archive", ref, "--", *PATHS], cwd=ROOT, capture_output=True, check=True).stdout
    date = git("show", "-s", "--format=%cI", f"{ref}^{{commit}}", cwd=ROOT)
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(scratch, filter="data")
        folder = Path(scratch)
        version = json.loads((folder / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
        git("init", "-q", "-b", "main", cwd=folder)
        git("add", "-A", "-f", cwd=folder)
        git("commit", "-qm", f"Version {version}", cwd=folder, date=date)
        git("tag", f"v{version}", cwd=folder)
        bundle = BUNDLES / f"{version}.bundle"
        git("-c", "pack.threads=1", "bundle", "create", "-q", str(bundle), "main", f"v{version}", cwd=folder)
    print(f"{bundle.relative_to(ROOT)}: version {version} of {ref}, {bundle.stat().st_size // 1024} KiB")


def git(*arguments: str, cwd: Path, date: str = "") -> str:
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env={**os.environ, **WHO, **dates}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
