"""Compares the contract files with their recorded hashes, and computes the digest of all contract files.
Contract file: replaced by updates.

The record is `.janus/contract.json`. It has the hashes of the contract files as the template made them, and the zone
patterns, which select contract files. Files are only read as data: nothing is imported or run, git is not called, and
no link is followed. This module imports no other module of this repo, so a reviewer can load it from a trusted
checkout of the template, as `tools/verify.py` of the template does.
"""

import base64
import hashlib
import json
import os
import stat
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

RECORD, BASES = ".janus/contract.json", ".janus/base.json"
MAX_RECORD_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 16 * 1024 * 1024
BYTECODE = (".pyc", ".pyo")
CACHE = "__pycache__"
PYC_FLAGS = slice(4, 8)  # of a .pyc file: 0 if Python compares it with its source's time and size

Zones = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Expected:
    """The recorded state: the hash of each contract file by path, the executable files, and the zone patterns."""

    files: Mapping[str, str]
    executable: frozenset[str]
    zones: Zones


@dataclass
class Found:
    """The files that were found in a repo's contract zones.

    `files` maps each regular file to its hash; `executable` has those with an execute bit. `odd` maps every other entry
    to a description. `bytecode` is the cached bytecode whose sources exist.
    """

    files: dict[str, str] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    odd: dict[str, str] = field(default_factory=dict)
    bytecode: list[str] = field(default_factory=list)


def digest(data: bytes) -> str:
    """Returns the SHA-256 of a file's content, in hex. CRLF counts as LF, because git may change line endings."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def contract_digest(files: Mapping[str, str]) -> str:
    """Returns the digest of all contract files, in hex. `files` maps each path to its hash from `digest`.

    It is the SHA-256 of a text in UTF-8: for each file, sorted by path, the line `PATH HASH` and a line feed. Paths
    are relative to the repo, with forward slashes.
    """
    lines = sorted(f"{path} {expected}\n".encode("utf-8", "surrogatepass") for path, expected in files.items())
    return hashlib.sha256(b"".join(lines)).hexdigest()


def changed_files(root: Path) -> dict[str, str]:
    """Compares this repo with its record. Maps each path that differs to a description of the difference.

    Raises OSError or ValueError if the record cannot be read.
    """
    expected = recorded(root)
    return differences(expected, scan(root, expected.zones), modes=_keeps_modes(root))


def damaged_bases(root: Path) -> dict[str, str]:
    """Checks `.janus/base.json`, which the next update needs to merge. Maps its path to the damage, if there is any."""
    file = root / BASES
    wrong = ""
    try:
        for path, entry in json.loads(file.read_bytes()).items() if file.is_file() else ():
            text = zlib.decompressobj().decompress(base64.b64decode(entry["text"], validate=True), MAX_FILE_BYTES)
            if hashlib.sha256(text).hexdigest() != entry["sha256"]:
                wrong = f"the text of {path} does not match its hash"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        wrong = str(error) or type(error).__name__
    return {BASES: f"damaged ({wrong}); try to restore it with `git checkout .janus`"} if wrong else {}


def contract_files(root: Path) -> dict[str, str]:
    """Maps each file in this repo's contract zones to its current hash. Raises the same errors as `changed_files`."""
    return scan(root, recorded(root).zones).files


def read_record(root: Path) -> dict[str, object]:
    """Reads `.janus/contract.json`. Raises OSError or ValueError if it is missing, damaged or not a plain file."""
    for path in (".janus", RECORD):
        if (root / path).is_symlink():
            raise ValueError(f"{path} is a symlink")
    file = root / RECORD
    if not stat.S_ISREG(file.lstat().st_mode) or file.lstat().st_size > MAX_RECORD_BYTES:
        raise ValueError(f"{RECORD} is not a plain file, or too large")
    try:
        record = json.loads(file.read_bytes())
    except RecursionError:
        raise ValueError(f"{RECORD} is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"{RECORD} is not an object")  # noqa: TRY004 - one kind of error for all damage
    return record


def recorded(root: Path) -> Expected:
    """Reads the recorded state of this repo. Raises OSError or ValueError if it is missing or incomplete."""
    record = read_record(root)
    files, executable, zones = (record.get(name) for name in ("files", "executable", "zones"))
    if not (isinstance(files, dict) and isinstance(executable, list) and isinstance(zones, list)):
        raise ValueError(f"{RECORD} lacks the key files, executable or zones")  # noqa: TRY004 - as above
    return Expected(
        {path: str(value) for path, value in files.items()},
        frozenset(str(path) for path in executable),
        zones_from(zones),
    )


def zones_from(recorded: list[object]) -> Zones:
    """Converts the recorded lines `ZONE PATTERN` to pairs of pattern and zone."""
    parts = (str(line).partition(" ") for line in recorded)
    return tuple((pattern, zone) for zone, _, pattern in parts)


def zone_of(path: str, zones: Zones) -> str:
    """Returns the zone of a path, from the first pattern that matches; an empty string if none does."""
    return next((zone for pattern, zone in zones if fnmatchcase(path, pattern)), "")


def scan(root: Path, zones: Zones) -> Found:
    """Finds all files in the contract zones, even those that git ignores. Raises OSError if `root` is not a folder."""
    found = Found()
    folded = tuple((_fold(pattern), zone) for pattern, zone in zones)
    waiting = sorted(name for name in os.listdir(root) if name != ".git")
    while waiting:
        path = waiting.pop()
        try:
            waiting += _look(root, path, zones, folded, found)
        except OSError as error:
            found.odd[path] = f"unreadable ({error.strerror})"
    for path in [path for path in found.files if path.endswith(BYTECODE)]:
        _judge_bytecode(root, path, found)
    return found


def _look(root: Path, path: str, zones: Zones, folded: Zones, found: Found) -> list[str]:
    """Adds the file at `path` to `found`. If `path` is a folder, returns the paths in it."""
    status = (root / path).lstat()
    if stat.S_ISDIR(status.st_mode):
        if _may_hold(path, zones) or _may_hold(_fold(path), folded):
            return [f"{path}/{name}" for name in os.listdir(root / path)]
    elif stat.S_ISREG(status.st_mode) and zone_of(path, zones) == "contract":
        _add_file(root / path, path, status, found)
    elif _stands_in_the_way(path, zones, status.st_mode):
        found.odd[path] = _kind(status.st_mode)
    elif _stands_in_the_way(_fold(path), folded, status.st_mode):
        found.odd[path] = "unknown, differs only in case from a contract file or folder"
    return []


def _add_file(file: Path, path: str, status: os.stat_result, found: Found) -> None:
    if status.st_size > MAX_FILE_BYTES:
        found.odd[path] = f"larger than {MAX_FILE_BYTES} bytes, so it is not a file of the template"
        return
    found.files[path] = digest(file.read_bytes())
    if status.st_mode & 0o111:
        found.executable.add(path)


def _stands_in_the_way(path: str, zones: Zones, mode: int) -> bool:
    """Whether something that is not a folder has the path of a contract file, or of a folder of contract files."""
    if stat.S_ISREG(mode):
        return zone_of(path, zones) == "contract"
    return _may_hold(path, zones) or (zone_of(path, zones) == "contract" and zone_of(f"{path}/x", zones) != "owner")


def _may_hold(folder: str, zones: Zones) -> bool:
    """Whether there may be a contract file below this folder."""
    if zone_of(f"{folder}/x", zones) == "contract":
        return True
    starts = (pattern.split("*")[0].split("?")[0].split("[")[0] for pattern, zone in zones if zone == "contract")
    return any(not start or start.startswith(f"{folder}/") for start in starts)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a symlink"), (stat.S_ISFIFO, "a fifo"), (stat.S_ISSOCK, "a socket"))
    return next((kind for test, kind in kinds if test(mode)), "a device")


def _judge_bytecode(root: Path, path: str, found: Found) -> None:
    """Adds bytecode to `found.bytecode` if Python compares it with its source before use, otherwise to `found.odd`."""
    del found.files[path]
    found.executable.discard(path)
    folder, _, name = path.rpartition("/")
    package, _, last = folder.rpartition("/")
    source = f"{package}/{name.split('.')[0]}.py" if package else f"{name.split('.')[0]}.py"
    if last != CACHE or source not in found.files:
        found.odd[path] = "bytecode without a source; delete it"
        return
    with (root / path).open("rb") as opened:
        header = opened.read(16)
    if any(header[PYC_FLAGS]):
        found.odd[path] = "bytecode that Python may run instead of its source; delete it"
    else:
        found.bytecode.append(path)


def differences(expected: Expected, found: Found, *, modes: bool = os.name == "posix") -> dict[str, str]:
    """Maps each path that differs from the record to a description, such as "edited"; sorted by path.

    `modes` says whether execute bits count. Files below a symlink are not listed one by one.
    """
    said = dict(found.odd)
    missing = {path for path in expected.files if path not in found.files and path not in said}
    missing = {path for path in missing if said.keys().isdisjoint(_folders(path))}
    unknown = {path for path in found.files if path not in expected.files}
    said |= dict.fromkeys(missing, "missing") | _unknown(unknown, expected)
    said |= _renamed(missing, unknown, expected, found)
    for path in expected.files.keys() & found.files.keys():
        if found.files[path] != expected.files[path]:
            said[path] = "edited"
        elif modes and (path in found.executable) != (path in expected.executable):
            said[path] = "executable now" if path in found.executable else "not executable any more"
    return dict(sorted(said.items()))


def _unknown(unknown: set[str], expected: Expected) -> dict[str, str]:
    """Describes each unknown file, and names the contract file, if any, whose path differs from it only in case."""
    known = {_fold(path): path for path in expected.files}
    alike = {path: known.get(_fold(path)) for path in unknown}
    return {
        path: f"unknown, differs only in case from {other}" if other else "unknown, not a file of the template"
        for path, other in alike.items()
    }


def _renamed(missing: set[str], unknown: set[str], expected: Expected, found: Found) -> dict[str, str]:
    """Describes each missing contract file as renamed if an unknown file has the same content."""
    said = {}
    by_hash = {found.files[path]: path for path in sorted(unknown, reverse=True)}
    for path in missing:
        if new := by_hash.get(expected.files[path]):
            said[path] = f"renamed to {new}"
    return said


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _fold(path: str) -> str:
    """Returns a form of the path that is equal for paths that differ only in case or in Unicode composition."""
    return unicodedata.normalize("NFKC", path).casefold()


def _keeps_modes(root: Path) -> bool:
    """Whether this file system keeps execute bits. git tests that when it creates or clones a repo."""
    if os.name != "posix":
        return False
    config = root / ".git" / "config"
    return not config.is_file() or "filemode = false" not in config.read_text("utf-8", "replace").lower()


def printable(text: str) -> str:
    """Escapes all but printable ASCII, so that a file name cannot look like another name or a line of the report."""
    return "".join(sign if " " <= sign <= "~" else ascii(sign)[1:-1] for sign in text)
