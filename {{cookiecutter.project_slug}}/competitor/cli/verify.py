"""Whether the contract files are as the template made them, and their digest.
Contract file: replaced by updates.

`.janus/contract.json` records the contract files and the zone patterns (which paths belong to the contract). What is
on the disk is read as data: nothing is imported or run, git is not asked, and no link is followed. This module
imports nothing else of this repo, so a reviewer can load it from a trusted checkout of the template, as
`tools/verify.py` there does.
"""

import hashlib
import json
import os
import stat
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

RECORD = ".janus/contract.json"
MAX_RECORD_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 16 * 1024 * 1024
BYTECODE = (".pyc", ".pyo")
CACHE = "__pycache__"
PYC_FLAGS = slice(4, 8)  # of a .pyc file: 0 where its source's time and size decide whether it is used

Zones = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Expected:
    """What the contract says: path -> hash of each contract file, which are executable, and the zone patterns."""

    files: Mapping[str, str]
    executable: frozenset[str]
    zones: Zones


@dataclass
class Found:
    """The content of a repo's contract zones.

    `files` has the hash of each regular file and `executable` those with an execute bit; `odd` has for every other
    entry what it is; `bytecode` has the cached bytecode of sources that are there.
    """

    files: dict[str, str] = field(default_factory=dict)
    executable: set[str] = field(default_factory=set)
    odd: dict[str, str] = field(default_factory=dict)
    bytecode: list[str] = field(default_factory=list)


def digest(data: bytes) -> str:
    """The SHA-256 of a file's content, in hex. CRLF counts as LF, since git may change line endings."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def contract_digest(files: Mapping[str, str]) -> str:
    """The digest of all contract files (path -> hash, as `digest` counts it), in hex.

    It is the SHA-256 of one UTF-8 text: for each file, sorted by path, the line `PATH HASH` and a line feed. Paths
    are relative to the repo, with forward slashes.
    """
    lines = sorted(f"{path} {expected}\n".encode("utf-8", "surrogatepass") for path, expected in files.items())
    return hashlib.sha256(b"".join(lines)).hexdigest()


def changed_files(root: Path) -> dict[str, str]:
    """What differs from the record of this repo: path -> what is wrong with it.

    Raises OSError or ValueError where the record cannot be read.
    """
    expected = recorded(root)
    return differences(expected, scan(root, expected.zones), modes=_keeps_modes(root))


def contract_files(root: Path) -> dict[str, str]:
    """Path -> hash of each file in the contract zones of this repo now. Raises as `changed_files`."""
    return scan(root, recorded(root).zones).files


def read_record(root: Path) -> dict[str, object]:
    """`.janus/contract.json` as data. Raises OSError or ValueError where it is missing, damaged or no plain file."""
    for path in (".janus", RECORD):
        if (root / path).is_symlink():
            raise ValueError(f"{path} is a symlink")
    file = root / RECORD
    if not stat.S_ISREG(file.lstat().st_mode) or file.lstat().st_size > MAX_RECORD_BYTES:
        raise ValueError(f"{RECORD} is no plain file, or too large")
    try:
        record = json.loads(file.read_bytes())
    except RecursionError:
        raise ValueError(f"{RECORD} is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError(f"{RECORD} is not an object")  # noqa: TRY004 - one kind of error for all damage
    return record


def recorded(root: Path) -> Expected:
    """What the record of this repo says. Raises OSError or ValueError where it does not say it."""
    record = read_record(root)
    files, executable, zones = (record.get(name) for name in ("files", "executable", "zones"))
    if not (isinstance(files, dict) and isinstance(executable, list) and isinstance(zones, list)):
        raise ValueError(f"{RECORD} lacks files, executable or zones")  # noqa: TRY004 - as above
    return Expected(
        {path: str(value) for path, value in files.items()},
        frozenset(str(path) for path in executable),
        zones_from(zones),
    )


def zones_from(recorded: list[object]) -> Zones:
    """The patterns with their zones, from the recorded lines `ZONE PATTERN`."""
    parts = (str(line).partition(" ") for line in recorded)
    return tuple((pattern, zone) for zone, _, pattern in parts)


def zone_of(path: str, zones: Zones) -> str:
    """The zone of a path: the first pattern that matches decides; empty where none does."""
    return next((zone for pattern, zone in zones if fnmatchcase(path, pattern)), "")


def scan(root: Path, zones: Zones) -> Found:
    """Everything in the contract zones, whether git ignores it or not. Raises OSError where `root` is no folder."""
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
    """Adds what stands at `path` to `found`; of a folder, what stands in it."""
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
        found.odd[path] = f"larger than {MAX_FILE_BYTES} bytes, so it is no file of the template"
        return
    found.files[path] = digest(file.read_bytes())
    if status.st_mode & 0o111:
        found.executable.add(path)


def _stands_in_the_way(path: str, zones: Zones, mode: int) -> bool:
    """Whether something other than a folder has the path of a contract file or of a folder of contract files."""
    if stat.S_ISREG(mode):
        return zone_of(path, zones) == "contract"
    return _may_hold(path, zones) or (zone_of(path, zones) == "contract" and zone_of(f"{path}/x", zones) != "owner")


def _may_hold(folder: str, zones: Zones) -> bool:
    """Whether a contract file may lie below this folder."""
    if zone_of(f"{folder}/x", zones) == "contract":
        return True
    starts = (pattern.split("*")[0].split("?")[0].split("[")[0] for pattern, zone in zones if zone == "contract")
    return any(not start or start.startswith(f"{folder}/") for start in starts)


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISLNK, "a symlink"), (stat.S_ISFIFO, "a fifo"), (stat.S_ISSOCK, "a socket"))
    return next((kind for test, kind in kinds if test(mode)), "a device")


def _judge_bytecode(root: Path, path: str, found: Found) -> None:
    """Moves bytecode out of `files`: Python runs it instead of a source, or without one."""
    del found.files[path]
    found.executable.discard(path)
    folder, _, name = path.rpartition("/")
    package, _, last = folder.rpartition("/")
    source = f"{package}/{name.split('.')[0]}.py" if package else f"{name.split('.')[0]}.py"
    if last != CACHE or source not in found.files:
        found.odd[path] = "bytecode without a source, delete it"
        return
    with (root / path).open("rb") as opened:
        header = opened.read(16)
    if any(header[PYC_FLAGS]):
        found.odd[path] = "bytecode that Python may run whatever its source says, delete it"
    else:
        found.bytecode.append(path)


def differences(expected: Expected, found: Found, *, modes: bool = os.name == "posix") -> dict[str, str]:
    """Each path that is not as the contract says -> what it is instead, such as "edited", sorted by path.

    `modes`: whether execute bits count. Files below a symlink are not listed one by one.
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
    """Files that the template does not make; those that another system takes for a contract file are told apart."""
    known = {_fold(path): path for path in expected.files}
    alike = {path: known.get(_fold(path)) for path in unknown}
    return {
        path: f"unknown, differs only in case from {other}" if other else "unknown, not a file of the template"
        for path, other in alike.items()
    }


def _renamed(missing: set[str], unknown: set[str], expected: Expected, found: Found) -> dict[str, str]:
    """Missing files whose content stands under an unknown name."""
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
    """The path as a system that ignores case (and how a character is composed) compares it."""
    return unicodedata.normalize("NFKC", path).casefold()


def _keeps_modes(root: Path) -> bool:
    """Whether this file system keeps execute bits; git found that out when it created or cloned the repo."""
    if os.name != "posix":
        return False
    config = root / ".git" / "config"
    return not config.is_file() or "filemode = false" not in config.read_text("utf-8", "replace").lower()


def printable(text: str) -> str:
    """The text in ASCII on one line: a file's name cannot forge a line of the report, nor look like another's."""
    return "".join(sign if " " <= sign <= "~" else ascii(sign)[1:-1] for sign in text)
