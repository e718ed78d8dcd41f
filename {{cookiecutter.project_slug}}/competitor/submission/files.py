"""Checks the items of the reviewers' checklist that need only the files of the repo: no server, no network."""
# Contract file: replaced by updates.

import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from spdx_matcher import analyse_license_text

from ..cli.locks import SOURCES, requirements, stale
from ..cli.verify import changed_files, contract_digest, contract_files, printable, read_record
from .finding import Finding, broken_if

LICENSES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING")
_PINNED = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^\]]*\])?==\S+.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_SECRET = re.compile(r"^\s*(?:ENV|ARG)?\s*([A-Z0-9_]*(?:API_KEY|SECRET|TOKEN|PASSWORD)[A-Z0-9_]*)[= ]\S", re.MULTILINE)
_FROM = re.compile(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.MULTILINE | re.IGNORECASE)


def reviewed(root: Path, form: Mapping[str, object]) -> list[Finding]:
    """The findings on all items, in the order in which a reviewer looks at them."""
    return [
        _contract(root),
        _licence(root, str(form.get("license") or "")),
        _dependencies(root),
        _version(root, str(form.get("image") or "")),
        _readme(root),
        _dockerfile(root),
        _committed(root),
    ]


def version(root: Path) -> str:
    """The version in pyproject.toml; empty if there is none."""
    try:
        project = tomllib.loads(_text(root / "pyproject.toml"))["project"]
        return str(project.get("version", ""))
    except (tomllib.TOMLDecodeError, KeyError):
        return ""


def contract(root: Path) -> str:
    """The template's version, the variant and the contract files' current digest; empty if there is no record."""
    try:
        record, digest = read_record(root), contract_digest(contract_files(root))
    except (OSError, ValueError):
        return ""
    version, variant = (printable(str(record.get(name))) for name in ("template_version", "backend"))
    return f"janus-template {version}, variant {variant}, sha256:{digest}"


def _contract(root: Path) -> Finding:
    about = "contract files"
    try:
        changed = changed_files(root)
    except (OSError, ValueError):
        return Finding(about, "not shown", ".janus/contract.json cannot be read, so there is nothing to compare with")
    wrong = "; ".join(f"{printable(path)} is {printable(what)}" for path, what in list(changed.items())[:5])
    more = f"; and {len(changed) - 5} more" if len(changed) > 5 else ""
    remedy = "`competitor update --replace-edited` restores them; your code belongs in competitor/backend/"
    return broken_if(about, wrong + more, remedy, "no contract file is missing or edited")


def _licence(root: Path, declared: str) -> Finding:
    about = "licence file"
    file = next((root / name for name in LICENSES if (root / name).is_file()), None)
    if file is None:
        return Finding(about, "broken", "it is missing", f"put the text of {declared or 'the licence'} into LICENSE")
    found = list(analyse_license_text(_text(file))[0].get("licenses", {}))
    if not found:
        said = f"{file.name} is not the text of a licence in the SPDX list"
        return Finding(about, "broken", said, f"put the text of {declared} into {file.name}")
    other = f"{file.name} is {' and '.join(found)}, but the form says {declared or 'nothing'}"
    wrong = "" if declared in found else other
    return broken_if(about, wrong, f"change `license` in submission.yaml, or {file.name}", f"{file.name} is {declared}")


def _dependencies(root: Path) -> Finding:
    about = "dependencies"
    if old := stale(root):
        said = f"{' and '.join(old)} does not match the requirements that it was made from"
        return Finding(about, "broken", said, "`make lock` regenerates it")
    for lock in SOURCES:
        text = _text(root / lock)
        pins = _PINNED.findall(text)
        if bare := [pin.split("==")[0] for pin in pins if "--hash=sha256:" not in pin]:
            return Finding(about, "broken", f"{bare[0]} has no hash in {lock}", "`make lock` writes all hashes")
    names = [re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0] for line in requirements(root, "requirements.in")]
    count = len(_PINNED.findall(_text(root / "requirements.txt")))
    return Finding(about, "ok", f"{len(names)} direct dependencies, {count} packages locked with hashes")


def _version(root: Path, image: str) -> Finding:
    about, is_now = "version", version(root)
    if not is_now:
        return Finding(about, "broken", "pyproject.toml has no version", 'write version = "0.1.0" into [project]')
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if tag and tag.removeprefix("v") != is_now:
        remedy = "give the image and the code the same version: `image` in submission.yaml, `version` in pyproject.toml"
        return Finding(about, "broken", f"the image is tagged {tag}, but pyproject.toml says {is_now}", remedy)
    if image and not tag and "@" not in image:
        remedy = f"write {image}:{is_now} in submission.yaml"
        return Finding(about, "broken", "the image has neither a tag nor a digest, so it is not pinned", remedy)
    heading = re.compile(rf"^##\s+\[?v?{re.escape(is_now)}\]?(?:\s|$)", re.MULTILINE)
    wrong = "" if heading.search(_text(root / "CHANGELOG.md")) else f"CHANGELOG.md has no section for {is_now}"
    remedy = f"begin a section with `## [{is_now}] - YYYY-MM-DD`; for a first version, rename [Unreleased]"
    return broken_if(about, wrong, remedy, f"it is {is_now}, and CHANGELOG.md has a section for it")


def _readme(root: Path) -> Finding:
    text = _text(root / "README.md")
    says = re.search(r"make run|docker (?:run|compose)|python3? -m competitor", text)
    wrong = "" if says else "README.md does not say how to run the competitor" if text else "there is no README.md"
    return broken_if("README", wrong, "add the command, such as `make run`", "it says how to run the competitor")


def _dockerfile(root: Path) -> Finding:
    about, text = "Dockerfile", _text(root / "Dockerfile")
    if not text:
        said = "there is no Dockerfile, so nobody can rebuild the image"
        return Finding(about, "broken", said, "add a Dockerfile to the root of the repo")
    stages = {stage for _, stage in _FROM.findall(text) if stage}
    loose = [base for base, _ in _FROM.findall(text) if base not in stages and not _is_pinned(base)]
    if loose:
        return Finding(about, "broken", f"the base image {loose[0]} is not pinned", "name a version or a digest")
    secret = _SECRET.search(text)
    wrong = f"the Dockerfile sets {secret[1]}, so the image would contain a key" if secret else ""
    right = "all base images are pinned, and it contains no key"
    return broken_if(about, wrong, "remove it; keys come from the environment", right)


def _is_pinned(base: str) -> bool:
    tag = base.rpartition("/")[2].partition(":")[2]
    return "@sha256:" in base or base == "scratch" or (bool(tag) and not tag.startswith("latest"))


def _committed(root: Path) -> Finding:
    about, git = "source", shutil.which("git")
    if git is None or not (root / ".git").exists():
        return Finding(about, "look", "this is not a git repository yet", "commit all files, and push them to `source`")
    status = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "status", "--porcelain", "--ignored=no"], cwd=root, capture_output=True, text=True, check=False
    )
    changed = [line[3:] for line in status.stdout.splitlines()]
    more = f", and {len(changed) - 1} more files are not" if changed[1:] else ""
    wrong = f"{changed[0]} is not committed{more}" if changed else ""
    remedy = "commit all files: the public source must match the image"
    return broken_if(about, wrong, remedy, "all files are committed")


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
