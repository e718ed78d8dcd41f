"""Reads and writes `.janus/`: the answers, the template's address, and the state of each file when it was made."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from templates_variants.engine.bake import bases
from templates_variants.engine.bake.files import File, digest, is_inside
from templates_variants.engine.bake.zones import lines, zone_of

HOME = "gh:org/janus-template"
_CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:|git@")  # a URL or an abbreviation, since a path is valid on one machine only
_VERSION = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}")
MAX_FILE_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Record:
    """The record of how a repo was made or last updated."""

    answers: Mapping[str, str]
    template: str
    template_version: str
    contract_version: str
    migrated: str  # up to which version's changes the owner's own files were migrated
    backend: str
    contract: Mapping[str, str]
    derived: Mapping[str, str]
    owner: frozenset[str] | None  # None: made by version 0.1.0, which kept no list
    variant: frozenset[str]
    bases: Mapping[str, File]

    def knows(self, path: str) -> bool:
        """Whether the template made a file at this path."""
        listed = (self.contract, self.derived, self.bases, self.owner or ())
        return any(path in paths for paths in listed) or (self.owner is None and zone_of(path) == "owner")

    def is_as_made(self, path: str, file: File) -> bool:
        """Whether the file is still as the template made it. Not meant for the owner's files."""
        if path in self.bases:
            return self.bases[path].text == file.text
        return file.digest in (self.contract.get(path), self.derived.get(path))

    @property
    def paths(self) -> set[str]:
        """The paths of all files that the template made."""
        return {*self.contract, *self.derived, *self.bases, *(self.owner or ())}


def load(project: Path) -> Record:
    """Reads `.janus/`. Anybody may have written it, for example in a pull request, so nothing in it is trusted.

    Raises OSError, ValueError, KeyError, TypeError, AttributeError or RecursionError if it is missing or damaged.
    """
    answers = _object(project, "answers.json")["default_context"]
    made = _object(project, "contract.json")
    origin = _object(project, "template.json") if (project / ".janus/template.json").exists() else {}  # not in 0.1.0
    found = Record(
        answers={name: str(value) for name, value in answers.items() if name != "_recorded"},
        template=address(_text(origin.get("template", HOME))),
        template_version=_version(made["template_version"]),
        contract_version=_version(made["contract_version"]),
        migrated=_version(origin.get("migrated", made["template_version"])),
        backend=_text(made.get("backend", answers["backend"])),
        contract=dict(made["files"]),
        derived=dict(made.get("derived", {})),
        owner=frozenset(made["owner"]) if "owner" in made else None,
        variant=frozenset(made.get("variant", ())),
        bases=bases.read(project),
    )
    for path in (*found.paths, *found.variant):
        if not is_inside(path) or not path.isprintable():
            raise ValueError(f"{path!r:.80} is not the path of a file in the repo")
    return found


def _object(project: Path, name: str) -> dict[str, Any]:
    """Reads a file of `.janus/`, which must be a plain file of a reasonable size."""
    file = project / ".janus" / name
    for link in (file.parent, file):
        if link.is_symlink():
            raise ValueError(f"{link.relative_to(project).as_posix()} is a link")
    if file.exists() and (not file.is_file() or file.stat().st_size > MAX_FILE_BYTES):
        raise ValueError(f"{name} is not a plain file, or too large")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _version(found: object) -> str:
    if not _VERSION.fullmatch(str(found)):
        raise ValueError(f"{found!r:.40} is not a version")
    return str(found)


def _text(found: object) -> str:
    if not isinstance(found, str) or not found.isprintable():
        raise ValueError(f"{found!r:.80} is not a text on one line")
    return found


def write(answers: Mapping[str, Any], project: Path, core: list[str], variant: list[str]) -> None:
    """Writes `.janus/` for a new repo.

    `core` has the paths of the files from the core and the adapters, `variant` those from the variant's folder.
    """
    janus = project / ".janus"
    given = {name: value for name, value in answers.items() if not name.startswith("_")}
    zones = {path: zone_of(path) for path in sorted({*core, *variant})}
    owner = [path for path, zone in zones.items() if zone == "owner"]
    contract = [path for path, zone in zones.items() if zone == "contract"]
    made = {
        "template_version": answers["_template_version"],
        "contract_version": answers["_contract_version"],
        "backend": answers["backend"],
        "files": _digests(project, contract),
        "executable": [path for path in contract if (project / path).stat().st_mode & 0o111],
        "zones": lines(),
        "derived": _digests(project, [path for path, zone in zones.items() if zone == "derived"]),
        "owner": owner,
        "variant": [path for path in owner if path in variant],
    }
    # `_recorded` tells the hooks of a later update that the answers come from this file.
    write_json(janus / "answers.json", {"default_context": {**given, "_recorded": "yes"}})
    write_json(janus / "contract.json", made, indent=None)  # for programs: one line instead of hundreds
    write_origin(project, str(answers.get("_template", "")), answers["_template_version"])
    bases.write(project, [path for path, zone in zones.items() if zone == "shared"])


def write_origin(project: Path, template: str, migrated: str) -> None:
    """Records the template's address, and the version up to which the owner's own files were migrated."""
    write_json(project / ".janus" / "template.json", {"template": address(template), "migrated": migrated})


def address(template: str) -> str:
    """The template's address to record: the given one, or the public home if a path was given.

    A user name and a password are removed from the address, because the record is committed. git's credential helpers
    can store them.
    """
    return _CREDENTIALS.sub("", template) if _ADDRESS.match(template) and template[1:3] not in (":\\", ":/") else HOME


def write_json(file: Path, value: object, indent: int | None = 2) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=indent, ensure_ascii=False, sort_keys=True) + "\n"
    file.write_text(text, encoding="utf-8", newline="\n")


def _digests(project: Path, paths: list[str]) -> dict[str, str]:
    return {path: digest((project / path).read_bytes()) for path in paths}
