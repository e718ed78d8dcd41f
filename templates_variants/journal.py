"""A swap of many files that can be taken back at any moment, also by the next process.

All of it lies in `.janus/update/`, which git ignores: `before/` has the files as they were, `after/` as they will
be, and `roll_back.py` is this very module. As long as `journal.json` is there, the swap is not done, and whoever
comes next rolls it back. Each file is replaced in one step, so at no moment is one missing or half written.
Only the standard library is used and nothing of the template's, so that the copy works by itself.
"""

import filecmp
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


def prepare(project: Path, final: Mapping[str, Path | None], *, process: int) -> None:
    """Copies what `final` names (path -> the file that it becomes, None for no file). Nothing else changes yet.

    `process` is the id of the one that will swap: while it runs, nobody else rolls back.
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
    folders = sorted({folder.as_posix() for path in final for folder in Path(path).parents})
    entry = {
        "process": process,
        "paths": {path: [existed[path], source is not None] for path, source in final.items()},
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
            _remove_empty((project / path).parent, project)


def roll_back(project: Path) -> bool:
    """Makes the repo what it was before an update that did not end; whether there was one. May be run again."""
    work = project / FOLDER
    if not (work / "journal.json").exists():
        shutil.rmtree(work, ignore_errors=True)
        return False
    entry = _read(work)
    shutil.rmtree(work / "after", ignore_errors=True)  # where the disk is full, that gives room
    for path, (existed, _) in entry["paths"].items():
        if not existed:
            (project / path).unlink(missing_ok=True)
        elif not _same(work / "before" / path, project / path):
            _copy(work / "before" / path, work / "restored")
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(work / "restored", project / path)
    for folder in reversed(entry["folders"]):
        _remove_empty(project / folder, project)
    (work / "journal.json").unlink()
    shutil.rmtree(work, ignore_errors=True)
    return True


def recover(project: Path, *, besides: int = 0) -> bool:
    """Rolls back what another process left; whether there was something. Raises `Running` while that one is alive."""
    work = project / FOLDER
    if (work / "journal.json").exists():
        process: int = _read(work)["process"]
        if process != besides and _alive(process):
            raise Running(f"another update of this repo is at work, as process {process}; let it end first")
    return roll_back(project)


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


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink() or not other.is_file():
        return False
    return filecmp.cmp(one, other, shallow=False) and one.stat().st_mode == other.stat().st_mode


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
    if found:
        print("The last update had not ended; everything is as it was before it.")
