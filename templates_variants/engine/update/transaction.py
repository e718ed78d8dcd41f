"""A swap of many files that can be taken back at any moment, also by the next process.

All of it lies in `.janus/update/`, which git ignores: `before/` has the files as they were, `after/` as they will
be, and `roll_back.py` is this very module. As long as `journal.json` is there, the swap is not done, and whoever
comes next rolls it back. Each file is replaced in one step, so at no moment is one missing or half written.
A file that somebody else has changed since is left as it is: days may lie between a kill and the next start.
Only the standard library is used and nothing of the template's, so that the copy works by itself.
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
    """Another update of the same repo is at work."""


def prepare(
    project: Path, final: Mapping[str, Path | None], *, process: int, between: Mapping[str, Path] | None = None
) -> None:
    """Copies what `final` names (path -> the file that it becomes, None for no file). Nothing else changes yet.

    `process` is the id of the one that will swap: while it runs, nobody else rolls back. `between` is what another
    program may write to these paths before the swap.
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
    """Makes each file what was prepared for it, new ones first and those that go last. Then the journal is gone."""
    work = project / FOLDER
    paths: dict[str, list[bool]] = _read(work)["paths"]
    for path in sorted(paths, key=lambda path: (paths[path][0], not paths[path][1])):
        if paths[path][1]:
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(work / "after" / path, project / path)
        else:
            (project / path).unlink(missing_ok=True)
    (work / "journal.json").unlink()  # from here on it is done
    shutil.rmtree(work, ignore_errors=True)
    for path, (_, stays) in paths.items():
        if not stays:
            _remove_bytecode(project / path)
            _remove_empty((project / path).parent, project)


def roll_back(project: Path) -> list[str] | None:
    """Makes the repo what it was before an update that did not end. May be run again.

    None where there was no such update, else the files that were left as they are, since somebody changed them.
    """
    work = project / FOLDER
    if not (work / "journal.json").exists():
        shutil.rmtree(work, ignore_errors=True)
        return None
    entry = _read(work)
    shutil.rmtree(work / "after", ignore_errors=True)
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
    """Rolls back what another process began, as `roll_back` does. Raises `Running` while that one is alive."""
    work = project / FOLDER
    if (work / "journal.json").exists():
        process: int = _read(work)["process"]
        if process != besides and _alive(process):
            raise Running(f"another update of this repo is at work, as process {process}; let it end first")
    return roll_back(project)


def taken_back(left: list[str]) -> str:
    """What to say after a roll-back."""
    besides = f", but for {', '.join(left)}, which somebody has changed since" if left else ""
    return f"The last update had not ended; everything is as it was before it{besides}."


def is_pending(project: Path) -> bool:
    return (project / FOLDER / "journal.json").exists()


def _read(work: Path) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((work / "journal.json").read_text(encoding="utf-8"))
    return entry


def _write_whole(file: Path, text: str) -> None:
    """The file is there as a whole or not at all, also after a power cut."""
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
    """A copy that is on the disk before the journal is."""
    _copy(source, goal)
    if not goal.is_symlink():
        with goal.open("rb") as opened:
            os.fsync(opened.fileno())


def _state(file: Path) -> str | None:
    """What tells one content from another: a link's goal, a file's hash; None where there is neither."""
    if file.is_symlink():
        return f"-> {os.readlink(file)}"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None


def _same(one: Path, other: Path) -> bool:
    return _state(one) == _state(other) and one.lstat().st_mode == other.lstat().st_mode


def _came_between(work: Path, path: str, file: Path) -> bool:
    """Whether the other program wrote this, as a whole or to the point where it was killed."""
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
    if os.name != "posix" or process == os.getpid():  # elsewhere a signal 0 would end it
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
        print(taken_back(found))
