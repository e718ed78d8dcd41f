"""Runs a swap of a few files again and again, each time with a fault one step later, until none is left.

    python moments.py KIND FOLDER

Each swap runs in a process of its own, which is forked here. After each, `recover` must give back all or nothing.
"""

import errno
import os
import signal
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2]
sys.path[0] = str(TEMPLATE)

from templates_variants.engine.update import apply, transaction  # noqa: E402 - the path to it was not known before

BEFORE = {"changed": "old", "deep/er/changed": "old", "deleted": "old", "gone/with/its/folder": "old", "kept": "old"}
AFTER = {"changed": "new", "deep/er/changed": "new", "added": "new", "new/folder/added": "new", "kept": "old"}
# How a swap may end: as if nothing was, failed, struck when all was done already, killed.
DONE, FAILED, STRUCK, KILLED = 0, 1, 3, -signal.SIGKILL
CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "os.chmod", "os.utime"}


def main(kind: str, folder: Path) -> None:
    moment = 0
    while True:
        moment += 1
        project, staged = folder / str(moment) / "project", folder / str(moment) / "staged"
        _write(project, BEFORE)
        _write(staged, AFTER)
        final = {path: staged / path if path in AFTER else None for path in {*BEFORE, *AFTER}}
        code = _in_a_child(project, final, kind, moment)
        expected = {FAILED: [BEFORE], DONE: [AFTER], STRUCK: [AFTER], KILLED: [BEFORE, AFTER]}[code]
        assert code != FAILED or not transaction.is_pending(project), f"{kind} at {moment} was not taken back"
        transaction.recover(project)
        assert _read(project) in expected, f"{kind} at {moment} with {code}: {_read(project)}"
        if code == DONE:
            break
    print(moment)


def _in_a_child(project: Path, final: "dict[str, Path | None]", kind: str, moment: int) -> int:
    """Carries it out; how that ended."""
    child = os.fork()
    if child == 0:
        left = _fault(kind, moment, str(project))
        try:
            apply.carry_out(project, final, os.getpid())
        except (OSError, KeyboardInterrupt):
            os._exit(FAILED)
        os._exit(STRUCK if left[0] <= 0 else DONE)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _fault(kind: str, moment: int, project: str) -> "list[int]":
    left = [moment]

    def strike(event: str, arguments: "tuple[object, ...]") -> None:
        changes = event in CHANGING or (event == "open" and str(arguments[1])[:1] in ("w", "a", "x"))
        if changes and str(arguments[0]).startswith(project):
            left[0] -= 1
            if left[0] == 0:
                if kind == "full disk":
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.kill(os.getpid(), signal.SIGKILL if kind == "sigkill" else signal.SIGINT)

    sys.addaudithook(strike)
    return left


def _write(root: Path, files: "dict[str, str]") -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _read(root: Path) -> "dict[str, str]":
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
