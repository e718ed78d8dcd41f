"""Replaces many files in a transaction that can be rolled back at any moment, also by another process.

Its files are in `.janus/update/`, which git ignores: `before/` has the old files, `after/` the new ones, and
`roll_back.py` is a copy of this module. As long as `journal.json` exists, the transaction is not done, and the next
update rolls it back. Each file is replaced in one step, so no file is ever missing or half written. A file that
somebody else has changed since is not touched, because days may pass between a kill and the next start.
This module uses only the standard library and nothing of the template, so that the copy works without the template.
"""

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # on Windows, only the record of the process in the journal protects
    fcntl = None  # type: ignore[assignment]

FOLDER = ".janus/update"


class Running(Exception):
    """Another update of the same repo is running."""


class Changed(Exception):
    """A file changed while the update was running; the message is its path."""


@contextlib.contextmanager
def lock(project: Path) -> Iterator[None]:
    """Holds the repo for one process at a time; the kernel releases it when the process ends, however it ends.

    Raises `Running` when another process has it.
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
    """Copies the new files in `final` (path -> its new file, None to delete it). Nothing else changes yet.

    `process` is the id of the process that will call `swap`: while it runs, no other process rolls back. `between` has
    the files that another program may write to these paths before that. A replaced file keeps its permissions, except
    that its executable bit is that of the new file.
    """
    work = project / FOLDER
    work.mkdir(parents=True)
    (work / ".gitignore").write_text("*\n", encoding="utf-8")
    shutil.copyfile(__file__, work / "roll_back.py")
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
    """Replaces the files: first the new ones, last the deleted ones; then removes the journal.

    Raises `Changed` at a file that is not as it was when the update was prepared.
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
    """New files, replaced files, deleted files; but first what is deleted to make room for a file or folder."""
    written = {path for path, (_, stays) in paths.items() if stays}
    above = {parent.as_posix() for path in written for parent in Path(path).parents}

    def makes_room(path: str) -> bool:
        return path not in written and (path in above or any(p.as_posix() in written for p in Path(path).parents))

    return sorted(paths, key=lambda path: (not makes_room(path), paths[path][0], not paths[path][1]))


def roll_back(project: Path) -> list[str] | None:
    """Restores the repo as it was before an update that did not finish. It can be called again after a failure.

    Returns None when there was no such update, otherwise the paths that were not restored because somebody has
    changed them since.
    """
    work = project / FOLDER
    if not (work / "journal.json").exists():
        shutil.rmtree(work, ignore_errors=True)
        return None
    entry = _read(work)
    shutil.rmtree(work / "after", ignore_errors=True)  # frees space, in case the disk is full
    left = [path for path in entry["paths"] if not _is_ours(project, entry, path)]
    for path, (existed, _) in entry["paths"].items():
        if not existed and path not in left:
            _unlink(project / path)
    for folder in reversed(entry["folders"]):
        _remove_empty(project / folder, project)
    for path, (existed, _) in entry["paths"].items():
        file, before = project / path, work / "before" / path
        # Renaming needs no space on a full disk. A copy that is gone was put back by a roll back that did not end.
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
    """Whether the file is as it was before the update or as the update made it, and not changed by somebody else."""
    file, work = project / path, project / FOLDER
    was = entry.get("before", {}).get(path) or _state(work / "before" / path)
    return _state(file) in (was, entry["after"].get(path)) or _came_between(work, path, file)


def _beside(project: Path, path: str) -> str:
    """Where an old file goes when somebody's file or folder is in its place."""
    name = path.replace("/", "_")
    names = (f"{name}.before" if number == 1 else f"{name}.before_{number}" for number in range(1, 1000))
    return next(one for one in names if not os.path.lexists(project / one))


def recover(project: Path, *, besides: int = 0) -> list[str] | None:
    """Rolls back what another process began, like `roll_back`. Raises `Running` while that process is alive."""
    work = project / FOLDER
    if (work / "journal.json").exists():
        entry = _read(work)
        process: int = entry["process"]
        if process != besides and _alive(process, entry.get("started"), work / "journal.json"):
            raise Running(f"another update of this repo is running as process {process}; wait until it ends")
    return roll_back(project)


def rolled_back(left: list[str]) -> str:
    """The message after a roll-back; `left` are the paths that were not restored."""
    except_for = f", except for {', '.join(left)}, changed since then" if left else ""
    return f"The last update did not finish, so it was rolled back{except_for}."


def is_pending(project: Path) -> bool:
    return (project / FOLDER / "journal.json").exists()


def _read(work: Path) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((work / "journal.json").read_text(encoding="utf-8"))
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
    """Copies a file and waits until the copy is on the disk, which must be before the journal is."""
    _copy(source, goal)
    if not goal.is_symlink():
        with goal.open("rb") as opened:
            os.fsync(opened.fileno())


def _state(file: Path) -> str | None:
    """Identifies the content of a path: a link's target or a file's hash; None when there is neither."""
    if file.is_symlink():
        return f"-> {os.readlink(file)}"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _is_file(file: Path) -> bool:
    """Whether a file or a link is here; a folder does not count."""
    return os.path.lexists(file) and (file.is_symlink() or not file.is_dir())


def _mode(old: Path, new: Path) -> int:
    """The permissions of the old file, with the executable bit of the new one."""
    kept = old.stat().st_mode & 0o666
    return kept | (kept & 0o444) >> 2 if new.stat().st_mode & 0o100 else kept


def _unlink(file: Path) -> None:
    """Deletes a file, if it is there: the folder above may itself be a file or gone."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        file.unlink()


def _same(one: Path, other: Path) -> bool:
    return _state(one) == _state(other) and one.lstat().st_mode == other.lstat().st_mode


def _came_between(work: Path, path: str, file: Path, *, whole: bool = False) -> bool:
    """Whether the other program wrote this file: completely, or, unless `whole`, until it was killed."""
    written = work / "between" / path
    if not written.is_file() or not file.is_file():
        return False
    return written.read_bytes() == file.read_bytes() if whole else written.read_bytes().startswith(file.read_bytes())


def _remove_bytecode(source: Path) -> None:
    """Deletes what Python has cached of a source that is gone: `competitor verify` would name it."""
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
    """Removes a folder that has only empty folders in it, so that a file can take its place."""
    for inner, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(inner)


def _started(process: int) -> str | None:
    """Identifies a running process beyond its id, which another one may get later; None if it is not running.

    Boot, namespace and start time on Linux; elsewhere what `ps` says. A zombie does not run.
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
    """Whether the process that wrote the journal still runs. Version 0.2.0 recorded only its id."""
    if process == os.getpid():
        return False
    now = _started(process)
    if started is not None or now is None:
        return now is not None and now == started
    stat = Path(f"/proc/{process}")
    return not stat.exists() or _start_time(now) <= journal.stat().st_mtime


def _start_time(started: str) -> float:
    """When a process started, in seconds since the epoch, from what `_started` returns on Linux."""
    lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
    boot = next(float(line.split()[1]) for line in lines if line.startswith("btime "))
    return boot + int(started.split()[-1]) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    here = Path(__file__).resolve().parents[2]
    try:
        with lock(here):
            found = recover(here)
    except Running as running:
        sys.exit(f"Nothing was changed: {running}.")
    if found is not None:
        print(rolled_back(found))
