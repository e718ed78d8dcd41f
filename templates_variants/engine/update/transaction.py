"""Replaces many files in a transaction that can be rolled back at any moment, also by another process.

Its files are in `.janus/update/`, which git ignores: `before/` has the old files, `after/` the new ones, and
`roll_back.py` is a copy of this module. As long as `journal.json` exists, the transaction is not done, and the next
update rolls it back. Each file is replaced in one step, so no file is ever missing or half written. A file that
somebody else has changed since is not touched, because days may pass between a kill and the next start.
This module uses only the standard library and nothing of the template, so that the copy works without the template.
"""

import glob
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = ".janus/update"


class Running(Exception):
    """Another update of the same repo is running."""


def prepare(
    project: Path, final: Mapping[str, Path | None], *, process: int, between: Mapping[str, Path] | None = None
) -> None:
    """Copies the new files in `final` (path -> its new file, None to delete it). Nothing else changes yet.

    `process` is the id of the process that will call `swap`: while it runs, no other process rolls back. `between` has
    the files that another program may write to these paths before that.
    """
    work = project / FOLDER
    work.mkdir(parents=True)
    (work / ".gitignore").write_text("*\n", encoding="utf-8")
    shutil.copyfile(__file__, work / "roll_back.py")
    existed = {path: os.path.lexists(project / path) for path in final}
    for path, source in final.items():
        if existed[path]:
            _keep(project / path, work / "before" / path)
        if source is not None:
            _keep(source, work / "after" / path)
    for path, source in (between or {}).items():
        _copy(source, work / "between" / path)
    folders = sorted({folder.as_posix() for path in final for folder in Path(path).parents})
    entry = {
        "process": process,
        "paths": {path: [existed[path], source is not None] for path, source in final.items()},
        "before": {path: _state(project / path) for path in final if existed[path]},
        "after": {path: _state(source) for path, source in final.items() if source is not None},
        "folders": [folder for folder in folders if not (project / folder).exists()],
    }
    _write_whole(work / "journal.json", json.dumps(entry))


def swap(project: Path) -> None:
    """Replaces the files: first the new ones, last the deleted ones; then removes the journal."""
    work = project / FOLDER
    paths: dict[str, list[bool]] = _read(work)["paths"]
    for path in sorted(paths, key=lambda path: (paths[path][0], not paths[path][1])):
        if paths[path][1]:
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(work / "after" / path, project / path)
        else:
            (project / path).unlink(missing_ok=True)
    (work / "journal.json").unlink()  # from here on, the update is done
    shutil.rmtree(work, ignore_errors=True)
    for path, (_, stays) in paths.items():
        if not stays:
            _remove_bytecode(project / path)
            _remove_empty((project / path).parent, project)


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
    left = []
    for path, (existed, _) in entry["paths"].items():
        file, before = project / path, work / "before" / path
        # Renaming needs no space on a full disk. A copy that is gone was put back by a roll back that did not end.
        was = entry.get("before", {}).get(path) or _state(before)
        if _state(file) not in (was, entry["after"].get(path)) and not _came_between(work, path, file):
            left.append(path)
        elif not existed:
            file.unlink(missing_ok=True)
        elif os.path.lexists(before) and not _same(before, file):
            file.parent.mkdir(parents=True, exist_ok=True)
            os.replace(before, file)
    for folder in reversed(entry["folders"]):
        _remove_empty(project / folder, project)
    (work / "journal.json").unlink()
    shutil.rmtree(work, ignore_errors=True)
    return left


def recover(project: Path, *, besides: int = 0) -> list[str] | None:
    """Rolls back what another process began, like `roll_back`. Raises `Running` while that process is alive."""
    work = project / FOLDER
    if (work / "journal.json").exists():
        process: int = _read(work)["process"]
        if process != besides and _alive(process):
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


def _same(one: Path, other: Path) -> bool:
    return _state(one) == _state(other) and one.lstat().st_mode == other.lstat().st_mode


def _came_between(work: Path, path: str, file: Path) -> bool:
    """Whether the other program wrote this file, completely or until it was killed."""
    written = work / "between" / path
    return written.is_file() and file.is_file() and written.read_bytes().startswith(file.read_bytes())


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


def _alive(process: int) -> bool:
    if os.name != "posix" or process == os.getpid():  # on Windows, signal 0 would end the process
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    try:
        found = recover(Path(__file__).resolve().parents[2])
    except Running as running:
        sys.exit(f"Nothing was changed: {running}.")
    if found is not None:
        print(rolled_back(found))
