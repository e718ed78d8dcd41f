"""Prepares a release: checks the version, dates the changelog, records the contract files. `make release` runs it.

These steps make sure that two different contracts never have the same version. `contract-lock.json` has the hashes of
the last release's contract files, and `problems` compares the current files with them. For each release and variant, it
also has one digest of all contract files. Reviewers compare a repo with this digest. `contract_digest` in
`competitor/cli/verify.py` computes it.
"""

import argparse
import datetime
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from templates_variants.engine.bake import contract  # noqa: E402 - needs the path that was added above
from templates_variants.engine.bake.zones import lines  # noqa: E402
from templates_variants.engine.update.changelog import number  # noqa: E402
from tools.trusted import verify  # noqa: E402

BASE = "{{cookiecutter.project_slug}}"
LOCK = "contract-lock.json"
CLAUSES = "CONTRACT.md"
_TITLE = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    now, last = state(ROOT), json.loads((ROOT / LOCK).read_text(encoding="utf-8"))
    version = now["template_version"]
    found = problems(ROOT)
    if number(version) <= number(last["template_version"]):
        found.append(f"{version} is already released; raise _template_version in cookiecutter.json first")
    found += unfinished(ROOT)
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    changelog = ROOT / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    changelog.write_text(text.replace(f"## [{version}] - unreleased", f"## [{version}] - {today}"), encoding="utf-8")
    released = {**last.get("releases", {}), version: release(ROOT)}
    (ROOT / LOCK).write_text(
        json.dumps({**now, "releases": released}, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    print(f"Digests of the contract files of {version}, for reviewers:")
    for variant, found in released[version]["digests"].items():
        print(f"  {variant:<12} sha256:{found}")
    print(f"Recorded. Now: git commit -am 'Version {version}' && git tag v{version} && git push --tags origin main")
    return 0


def unfinished(root: Path) -> list[str]:
    """One sentence for each thing that only a version between two releases may have."""
    found = []
    gaps = root / BASE / "tests" / "contract" / "known_gaps.py"
    if listed := re.findall(r'^    "([A-Z]\d+/\d+)":', gaps.read_text(encoding="utf-8"), re.MULTILINE):
        found.append(f"the core does not keep {', '.join(listed)} yet: {gaps.name} must be empty")
    for file in sorted((root / BASE / "competitor" / "checks" / "requirements").glob("*.json")):
        if json.loads(file.read_text(encoding="utf-8"))["status"] != "frozen":
            found.append(f"the requirements of contract {file.stem} are open: set their status to frozen")
    return found


def state(root: Path) -> dict[str, Any]:
    """The two versions, and the hash of each contract file, as they are now."""
    asked = json.loads((root / "cookiecutter.json").read_text(encoding="utf-8"))
    files = {path: found for name in contract.names(root) for path, found in contract.hashes(root, name).items()}
    return {
        "template_version": asked["_template_version"],
        "contract_version": asked["_contract_version"],
        "files": files,
    }


def release(root: Path) -> dict[str, Any]:
    """Returns what the lock keeps about this version permanently: zone patterns, and a digest for each variant."""
    digests = {name: verify.contract_digest(contract.hashes(root, name)) for name in contract.names(root)}
    return {"digests": digests, "zones": lines()}


def problems(root: Path) -> list[str]:
    """One sentence for each contradiction between the contract files, the versions and the changelog."""
    now, last = state(root), json.loads((root / LOCK).read_text(encoding="utf-8"))
    paths = {*now["files"], *last["files"]}
    changed = sorted(path for path in paths if now["files"].get(path) != last["files"].get(path))
    version = now["template_version"]
    found = []
    if changed and number(version) <= number(last["template_version"]):
        found.append(
            f"{', '.join(changed[:3])} changed since {last['template_version']}; "
            "raise _template_version in cookiecutter.json, and say in CHANGELOG.md what changed"
        )
    if CLAUSES in changed and number(now["contract_version"]) <= number(last["contract_version"]):
        found.append(f"{CLAUSES} changed since contract {last['contract_version']}; raise _contract_version")
    sections = _TITLE.split((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if sections[1] != version:
        found.append(f"CHANGELOG.md must begin with `## [{version}] - unreleased`; it begins with {sections[1]}")
    elif now["contract_version"] != last["contract_version"]:
        title = f"### Contract {now['contract_version']}"
        if not sections[3].strip().startswith(title):
            found.append(f"in CHANGELOG.md, the section of {version} must begin with the heading `{title}`")
    return found


if __name__ == "__main__":
    sys.exit(main())
