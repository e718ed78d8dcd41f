"""Checks, for a reviewer who does not trust a repo, whether its contract files are identical to the template's.

    python -m tools.verify REPO

Run it in a checkout of the template that you trust. It reads REPO only as data: it imports and runs no code from REPO,
runs no git command there and follows no link. If REPO has this checkout's version, its files are compared with the
checkout's files. If REPO has the version of another release, the digest of its files is compared with that release's
digest in contract-lock.json. The version and the variant come from the repo's record, and are used only to find out
what to compare with.

Exit codes: 0 the contract files are identical to the template's; 1 they differ, and each difference is printed;
2 the check was not possible, for example because this checkout does not know the version.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from templates_variants.engine.bake import contract  # noqa: E402 - the path to it was not known before
from templates_variants.engine.bake.zones import PATTERNS, lines  # noqa: E402
from tools.trusted import verify  # noqa: E402

HOLDS, DIFFERS, NOT_SHOWN = 0, 1, 2
LOCK = "contract-lock.json"
MAX_NAMED = 20
OWNERS = ("competitor/backend/", "tests/")
RUNNABLE = (".py", ".pyc", ".pyo", ".pth", ".so", ".pyd", ".zip", ".egg")


class NotShown(Exception):
    """There is nothing to compare with. The message says why."""


@dataclass(frozen=True)
class Trusted:
    """The trusted facts about one variant of one version.

    `files` is None if only the digest is known; `source` says where the digest comes from; `record` has the other
    values that the repo's record must have.
    """

    digest: str
    zones: Any
    source: str
    files: Mapping[str, str] | None
    executable: frozenset[str] = frozenset()
    record: Mapping[str, Any] = field(default_factory=dict)


def main() -> int:
    first, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m tools.verify",
        description=first,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("repo", type=Path, metavar="REPO", help="the repo to look at, preferably a fresh clone")
    repo: Path = parser.parse_args().repo
    try:
        return report(repo)
    except NotShown as reason:
        print(f"Not shown: {reason}.")
    except OSError as error:
        print(f"Not shown: {verify.printable(str(error))}.")
    return NOT_SHOWN


def report(repo: Path) -> int:
    """Prints the whole report. Returns the exit code. Raises NotShown or OSError."""
    record = _record(repo)
    version, variant = (_name(record, key) for key in ("template_version", "backend"))
    print(f"According to its record, this repo was made from janus-template {version}, variant {variant}.")
    trusted = known(version, variant, record)
    found = verify.scan(repo, trusted.zones)
    digest = verify.contract_digest(found.files)
    print(f"  sha256:{trusted.digest}  {trusted.source}")
    print(f"  sha256:{digest}  the contract files of this repo")
    wrong = [*differences(trusted, found), *record_differences(trusted, record)]
    for path, what in wrong:
        print(f"{verify.printable(path)}: {verify.printable(what)}")
    _name_other_code(repo, trusted.zones)
    if wrong or digest != trusted.digest:
        print(f"DIFFERS: {len(wrong)} differences from janus-template {version}.")
        return DIFFERS
    if found.bytecode:
        raise NotShown(
            f"{len(found.bytecode)} files of bytecode in __pycache__, such as {verify.printable(found.bytecode[0])}, "
            "may differ from their sources, and Python may run them instead; delete the __pycache__ "
            "folders or make a fresh clone, then run this again"
        )
    print(f"HOLDS: all {len(found.files)} contract files are those of janus-template {version}, variant {variant}.")
    return HOLDS


def _record(repo: Path) -> dict[str, Any]:
    if not repo.is_dir():
        raise NotShown(f"{repo} is not a folder")
    try:
        record: dict[str, Any] = verify.read_record(repo)
    except (OSError, ValueError) as error:
        raise NotShown(f"{verify.RECORD} cannot be read: {verify.printable(str(error))}") from None
    return record


def _name(record: Mapping[str, Any], key: str) -> str:
    said = record.get(key)
    if not isinstance(said, str) or not said or len(said) > 100 or verify.printable(said) != said:
        raise NotShown(f"{verify.RECORD} has no usable {key}")
    return said


def known(version: str, variant: str, record: Mapping[str, Any]) -> Trusted:
    """The facts that this checkout has about a variant of a version. Raises NotShown if it has none."""
    lock = json.loads((ROOT / LOCK).read_text(encoding="utf-8"))
    released = releases(lock)
    asked = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    if version == asked["_template_version"]:
        return _of_this_checkout(version, variant, released)
    if version not in released:
        raise NotShown(
            f"version {version} is not known here; check out the template at tag v{version} and run this command there"
        )
    digest = released[version]["digests"].get(variant)
    if digest is None:
        raise NotShown(f"version {version} has no variant {variant}")
    zones = verify.zones_from(released[version]["zones"])
    listed = [files for files in (record.get("files"), lock["files"]) if _has_digest(files, digest)]
    return Trusted(digest, zones, f"release {version}, according to {LOCK}", listed[0] if listed else None)


def _of_this_checkout(version: str, variant: str, released: Mapping[str, Any]) -> Trusted:
    asked = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    if variant not in contract.names(ROOT):
        raise NotShown(f"version {version} has no variant {variant}")
    try:
        files = contract.hashes(ROOT, variant)
    except ValueError as error:
        raise NotShown(str(error)) from None
    digest, source = verify.contract_digest(files), f"this checkout, version {version}, not released yet"
    if version in released:
        source = f"release {version}, according to this checkout and its {LOCK}"
        if released[version]["digests"].get(variant) != digest:
            raise NotShown(f"the files of this checkout are not those of release {version}; check out tag v{version}")
    executable = contract.executable(ROOT, variant)
    record = {
        "contract_version": asked["_contract_version"],
        "executable": executable,
        "zones": lines(),
    }
    return Trusted(digest, PATTERNS, source, files, frozenset(executable), record)


def releases(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Maps each version to its digests and zones. A lock of 0.2.0 has one version, with one digest for all variants."""
    if "releases" in lock:
        found: dict[str, Any] = lock["releases"]
        return found
    digest = verify.contract_digest(lock["files"])
    return {lock["template_version"]: {"digests": dict.fromkeys(contract.names(ROOT), digest), "zones": lines()}}


def _has_digest(files: object, digest: str) -> bool:
    strings = isinstance(files, dict) and all(isinstance(value, str) for value in files.values())
    return strings and verify.contract_digest(files) == digest


def differences(trusted: Trusted, found: Any) -> Iterator[tuple[str, str]]:
    """Yields the path of each contract file that differs from the template, and what is wrong with the file."""
    if trusted.files is not None:
        expected = verify.Expected(trusted.files, trusted.executable, trusted.zones)
        yield from verify.differences(expected, found).items()
        return
    yield from sorted(found.odd.items())
    yield from ((path, "executable now") for path in sorted(found.executable))
    yield (
        "contract files",
        "their digest differs from the release's; to see which file differs, check out that version's tag and "
        "run this command there",
    )


def record_differences(trusted: Trusted, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields each difference between the repo's own record and what the template writes."""
    said = record.get("files")
    if not isinstance(said, dict) or trusted.files is None:
        yield verify.RECORD, "its list of files is not that of this version"
        return
    for path in sorted({*said, *trusted.files}):
        if path not in trusted.files:
            yield verify.RECORD, f"names {path}, which is not a contract file of this version"
        elif path not in said:
            yield verify.RECORD, f"does not name {path}"
        elif said[path] != trusted.files[path]:
            yield verify.RECORD, f"its hash of {path} is not that of this version"
    for key, value in trusted.record.items():
        if record.get(key) != value:
            yield verify.RECORD, f"its {key} value is not that of this version"


def _name_other_code(repo: Path, zones: Any) -> None:
    """Names code that is not the contract's but may run, such as `sitecustomize.py`, so that a person can read it."""
    found, waiting = [], [""]
    while waiting:  # `os.walk` is recursive, and folders may be nested deeper than Python's limit
        inside = waiting.pop()
        for entry in _entries(repo / inside):
            path = f"{inside}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting += [] if entry.name in (".git", "__pycache__") else [f"{path}/"]
            elif path.endswith(RUNNABLE) and not path.startswith(OWNERS):
                found.append(path)
    others = [verify.printable(path) for path in sorted(found) if verify.zone_of(path, zones) != "contract"]
    if others:
        more = f" and {len(others) - MAX_NAMED} more" if len(others) > MAX_NAMED else ""
        print(f"Not compared; read these files yourself: {', '.join(others[:MAX_NAMED])}{more}.")
    print(
        "Not compared either: the files of the owner (competitor/backend/, tests/) and shared ones, such as Dockerfile."
    )


def _entries(folder: Path) -> "list[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


if __name__ == "__main__":
    sys.exit(main())
