"""Replaces many files in a transaction that can be rolled back at any moment, also by another process.

The data of the transaction is in `.janus/update/`, which git ignores: `before/` has the old files and `after/` the new
files. While `journal.json` exists, the transaction is not done, and the next update rolls it back. Each file is
replaced atomically, so no file is ever missing or half written. The roll-back may run days after a crash, so it does
not touch files that were changed in the meantime. Somebody else may have made the folder, for example in an archive of
the repo, so a journal is checked before it is used.
"""

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from templates_variants.engine.bake.files import behind_a_link, is_inside

try:
    import fcntl
except ImportError:  # on Windows, there is no lock, only the process id in the journal
    fcntl = None  # type: ignore[assignment]

FOLDER = ".janus/update"


class Running(Exception):
    """Another update of the same repo is running."""


class Damaged(Exception):
    """The journal was not written by an update; the message says what is wrong."""


class Changed(Exception):
    """Somebody changed a file while the update was running; the message is its path."""


@contextlib.contextmanager
def lock(project: Path) -> Iterator[None]:
    """Locks the repo for this process. The kernel releases the lock when the process ends, even after a crash.

    Raises `Running` if another process has the lock.
    """
    folder = project / ".janus"
    if fcntl is None or not folder.is_dir():
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):  # a file system without locks
                yield
                return
            raise Running("another update of this repo is running; wait until it ends") from None
        yield
    finally:
        os.close(held)


def prepare(
    project: Path, final: Mapping[str, Path | None], *, process: int, between: Mapping[str, Path] | None = None
) -> None:
    """Copies the old files and the new files to `.janus/update/`, and writes the journal. Changes no other file.

    `final` maps each path to its new file, or to None to delete it. `process` is the id of the process that will call
    `swap`: while it runs, no other process rolls back. `between` is for a program such as
    cookiecutter that itself writes some of the paths before `swap`: it maps these paths to the files written. A
    replaced file keeps its permissions, except for the executable bit, which is that of the new file.
    """
    for path in (f"{FOLDER}/journal.json", *final):
        if not is_inside(path) or behind_a_link(project, path):
            raise OSError(f"{path} may be outside the repo")
    work = project / FOLDER
    work.mkdir(parents=True)
    (work / ".gitignore").write_text("*\n", encoding="utf-8")
    existed = {path: _is_file(project / path) for path in final}
    for path, source in final.items():
        if existed[path]:
            _keep(project / path, work / "before" / path)
        if source is not None:
            _keep(source, work / "after" / path)
            if existed[path] and not (project / path).is_symlink():
                (work / "after" / path).chmod(_mode(project / path, source))
    for path, source in (between or {}).items():
        _copy(source, work / "between" / path)
    folders = sorted({folder.as_posix() for path in final for folder in Path(path).parents})
    entry = {
        "process": process,
        "started": _started(process),
        "paths": {path: [existed[path], source is not None] for path, source in final.items()},
        "before": {path: _state(project / path) for path in final if existed[path]},
        "after": {path: _state(source) for path, source in final.items() if source is not None},
        "folders": [folder for folder in folders if not (project / folder).is_dir()],
    }
    _write_whole(work / "journal.json", json.dumps(entry))


def swap(project: Path) -> None:
    """Replaces and deletes the files as prepared, then removes the journal.

    Raises `Changed` if somebody has changed a file since `prepare`.
    """
    work = project / FOLDER
    entry = _read(work)
    paths: dict[str, list[bool]] = entry["paths"]
    for path in _in_order(paths):
        file = project / path
        if _state(file) != entry["before"].get(path) and not _came_between(work, path, file, whole=True):
            raise Changed(path)
        if paths[path][1]:
            if file.is_dir() and not file.is_symlink():
                _remove_empty_folders(file)
            file.parent.mkdir(parents=True, exist_ok=True)
            os.replace(work / "after" / path, file)
        else:
            _unlink(file)
            _remove_bytecode(file)
    (work / "journal.json").unlink()  # from here on, the update is done
    shutil.rmtree(work, ignore_errors=True)
    for path, (_, stays) in paths.items():
        if not stays:
            _remove_empty((project / path).parent, project)


def _in_order(paths: Mapping[str, list[bool]]) -> list[str]:
    """Sorts the paths into the order in which `swap` replaces or deletes them.

    First come deletions that make room for a new file or folder, then new files, then replacements, and last the other
    deletions.
    """
    written = {path for path, (_, stays) in paths.items() if stays}
    above = {parent.as_posix() for path in written for parent in Path(path).parents}

    def makes_room(path: str) -> bool:
        return path not in written and (path in above or any(p.as_posix() in written for p in Path(path).parents))

    return sorted(paths, key=lambda path: (not makes_room(path), paths[path][0], not paths[path][1]))


def roll_back(project: Path) -> list[str] | None:
    """Restores the repo as it was before an update that did not finish. It can be called again after a failure.

    Returns None if there was no such update. Otherwise returns the paths that were not restored, because somebody has
    changed them since the update.
    """
    work = project / FOLDER
    if not (work / "journal.json").exists():
        if not behind_a_link(project, f"{FOLDER}/journal.json"):
            shutil.rmtree(work, ignore_errors=True)
        return None
    entry = _checked(project)
    shutil.rmtree(work / "after", ignore_errors=True)  # frees space, in case the disk is full
    left = [path for path in entry["paths"] if not _is_ours(project, entry, path)]
    for path, (existed, _) in entry["paths"].items():
        if not existed and path not in left:
            _unlink(project / path)
    for folder in reversed(entry["folders"]):
        if not behind_a_link(project, f"{folder}/file"):
            _remove_empty(project / folder, project)
    for path, (existed, _) in entry["paths"].items():
        file, before = project / path, work / "before" / path
        # Renaming needs no space on a full disk. If the copy is missing, an earlier roll-back has already restored it.
        if existed and path not in left and os.path.lexists(before) and not _same(before, file):
            if file.is_dir() and not file.is_symlink():
                _remove_empty_folders(file)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                os.replace(before, file)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                _copy(before, project / _beside(project, path))
                left.append(path)
    (work / "journal.json").unlink()
    shutil.rmtree(work, ignore_errors=True)
    return left


def _is_ours(project: Path, entry: Mapping[str, Any], path: str) -> bool:
    """Whether nobody else changed the file: it is as it was before the update, or as the update made it."""
    if behind_a_link(project, path):
        return False
    file, work = project / path, project / FOLDER
    was = entry.get("before", {}).get(path) or _state(work / "before" / path)
    return _state(file) in (was, entry["after"].get(path)) or _came_between(work, path, file)


def _beside(project: Path, path: str) -> str:
    """Returns a free path for an old file whose own path now has somebody else's file or folder."""
    name = path.replace("/", "_")
    names = (f"{name}.before" if number == 1 else f"{name}.before_{number}" for number in range(1, 1000))
    return next(one for one in names if not os.path.lexists(project / one))


def recover(project: Path, *, besides: int = 0) -> list[str] | None:
    """Rolls back an unfinished update, like `roll_back`. Raises `Running` if that update is still running.

    `besides` is the id of a process that belongs to this update, so it does not cause `Running`.
    """
    work = project / FOLDER
    if (work / "journal.json").exists():
        entry = _checked(project)
        process: int = entry["process"]
        if process != besides and _alive(process, entry.get("started"), work / "journal.json"):
            raise Running(f"another update of this repo is running as process {process}; wait until it ends")
    return roll_back(project)


def rolled_back(left: list[str]) -> str:
    """Returns the message after a roll-back. `left` has the paths that were not restored."""
    except_for = f", except for {', '.join(left)}, which changed since then" if left else ""
    return f"The last update did not finish, so it was rolled back{except_for}."


def is_pending(project: Path) -> bool:
    return (project / FOLDER / "journal.json").exists()


def _read(work: Path) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((work / "journal.json").read_text(encoding="utf-8"))
    return entry


def _checked(project: Path) -> dict[str, Any]:
    """Reads the journal. Raises `Damaged` if it could lead out of the repo, or is not a journal."""
    if behind_a_link(project, f"{FOLDER}/journal.json"):
        raise Damaged("it is a link")
    try:
        entry = _read(project / FOLDER)
        process = entry["process"]
        paths = [*entry["paths"], *(folder for folder in entry["folders"] if folder != ".")]
        maps = (entry["paths"], entry["after"], entry.get("before", {}))
        whole = isinstance(process, int) and all(isinstance(found, dict) for found in maps)
        whole = whole and all(len(flags) == 2 for flags in entry["paths"].values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise Damaged("its journal cannot be read")
    for path in paths:
        if not is_inside(path):
            raise Damaged(f"its journal names {path!r:.80}")
    return entry


def _write_whole(file: Path, text: str) -> None:
    """Writes a file so that it exists completely or not at all, also after a power failure."""
    draft = file.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(draft, file)


def _copy(source: Path, goal: Path) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    goal.unlink(missing_ok=True)
    shutil.copy2(source, goal, follow_symlinks=False)


def _keep(source: Path, goal: Path) -> None:
    """Copies a file, and waits until the copy is on the disk. Only then may the journal be written."""
    _copy(source, goal)
    if not goal.is_symlink():
        with goal.open("rb") as opened:
            os.fsync(opened.fileno())


def _state(file: Path) -> str | None:
    """Returns a text that identifies what is at a path: a link's target or a file's hash; None for anything else."""
    if file.is_symlink():
        return f"-> {os.readlink(file)}"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _is_file(file: Path) -> bool:
    """Whether a file or a link exists at this path. A folder does not count."""
    return os.path.lexists(file) and (file.is_symlink() or not file.is_dir())


def _mode(old: Path, new: Path) -> int:
    """Returns the permissions of the old file, with the executable bit of the new file."""
    kept = old.stat().st_mode & 0o666
    return kept | (kept & 0o444) >> 2 if new.stat().st_mode & 0o100 else kept


def _unlink(file: Path) -> None:
    """Deletes a file if it exists. The folder that should contain it may be missing, or may be a file."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        file.unlink()


def _same(one: Path, other: Path) -> bool:
    return _state(one) == _state(other) and one.lstat().st_mode == other.lstat().st_mode


def _came_between(work: Path, path: str, file: Path, *, whole: bool = False) -> bool:
    """Whether the other program (see `between` in `prepare`) wrote this file.

    If `whole` is true, the file must be complete. Otherwise the program may have written only its beginning.
    """
    written = work / "between" / path
    if not written.is_file() or not file.is_file():
        return False
    return written.read_bytes() == file.read_bytes() if whole else written.read_bytes().startswith(file.read_bytes())


def _remove_bytecode(source: Path) -> None:
    """Deletes the cached bytecode of a deleted source, because `competitor verify` would report it."""
    cache = source.parent / "__pycache__"
    if source.suffix != ".py" or cache.is_symlink() or not cache.is_dir():
        return
    for file in cache.glob(f"{glob.escape(source.stem)}.*.pyc"):
        file.unlink(missing_ok=True)
    _remove_empty(cache, source.parent)


def _remove_empty(folder: Path, project: Path) -> None:
    while folder != project and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _remove_empty_folders(folder: Path) -> None:
    """Removes a folder that contains only empty folders, so that a file can be written to its path."""
    for inner, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(inner)


def _started(process: int) -> str | None:
    """Returns a text that identifies a running process even if its id is reused later; None if it is not running.

    On Linux, the text has the boot id, the namespace and the start time; elsewhere, the start time from `ps`. A zombie
    counts as not running.
    """
    stat = Path(f"/proc/{process}/stat")
    if Path("/proc/self/stat").exists():
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
            space = os.readlink("/proc/self/ns/pid")
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{boot} {space} {fields[19]}"
    if os.name != "posix":
        return None
    done = subprocess.run(["ps", "-o", "lstart=", "-p", str(process)], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def _alive(process: int, started: str | None, journal: Path) -> bool:
    """Whether the process in the journal is still running. `started` is None in journals of version 0.2.0."""
    if process == os.getpid():
        return False
    now = _started(process)
    if started is not None or now is None:
        return now is not None and now == started
    stat = Path(f"/proc/{process}")
    return not stat.exists() or _start_time(now) <= journal.stat().st_mtime


def _start_time(started: str) -> float:
    """Converts the result of `_started` on Linux to the start time of the process, in seconds since the epoch."""
    lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    boot = next(float(line.split()[1]) for line in lines if line.startswith("btime "))
    return boot + int(started.split()[-1]) / os.sysconf("SC_CLK_TCK")
