"""Compares the contract files of a repo with the digest of a release of the template, for `janus-check verify`.
Contract file: replaced by updates.

`make check-dist` of the template puts the digests of all releases into the archive, as `releases.json`.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from ...cli.verify import (
    RECORD,
    changed_files,
    contract_digest,
    printable,
    read_record,
    scan,
    zones_from,
)
from ..report.terminal import say

HOLDS, DIFFERS, NOT_SHOWN = 0, 1, 2


def verify(repo: Path) -> int:
    """Compares the contract files of a repo with the release of the template that the repo names.

    REPO is read only as data: nothing of it is imported or run, and no link is followed. The files of the owner
    (competitor/backend/, tests/) and shared ones, such as Dockerfile, are not compared.

    exit codes:
      0  the contract files are those of the release
      1  they differ; where the repo's own record shows it, the files are named
      2  the check was not possible, for example because this version of janus-check does not know the release
    """
    try:
        record = read_record(repo)
        version, variant = str(record.get("template_version"))[:100], str(record.get("backend"))[:100]
        release = _releases().get(version)
        if release is None or variant not in release["digests"]:
            known = ", ".join(_releases()) or "none"
            say(f"Not shown: janus-template {version}, variant {variant}, is not known here; known: {known}.\n")
            return NOT_SHOWN
        found = scan(repo, zones_from(release["zones"]))
        digest, expected = contract_digest(found.files), release["digests"][variant]
        differing = [] if digest == expected else list(changed_files(repo).items())
    except (OSError, ValueError) as error:
        say(f"Not shown: {RECORD} of {repo} cannot be read: {printable(str(error))}.\n")
        return NOT_SHOWN
    say(f"  sha256:{expected}  janus-template {version}, variant {variant}\n  sha256:{digest}  {repo}\n")
    odd = [*found.odd.items(), *differing]
    for path, what in odd:
        say(f"{printable(path)}: {printable(what)}\n")
    if digest != expected or found.odd:
        said = "" if odd else " The repo's own record was changed as well, so it does not show where"
        say(f"DIFFERS from janus-template {version}.{said}\n")
        return DIFFERS
    if found.bytecode:
        say(f"Not shown: {len(found.bytecode)} files of bytecode may differ from their sources; make a fresh clone.\n")
        return NOT_SHOWN
    say(f"HOLDS: all {len(found.files)} contract files are those of janus-template {version}.\n")
    return HOLDS


def _releases() -> dict[str, Any]:
    """The releases of the template by version, each with its `digests` and `zones`; empty outside of an archive."""
    file = files(__package__).joinpath("releases.json")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return found
