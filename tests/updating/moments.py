"""Repeats a transaction of a few files, each time with a fault one step later, until no step is left.

    python moments.py KIND FOLDER

Each transaction runs in a forked process. After each, `recover` must leave either all old files or all new files.
"""

import errno
import os
import signal
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2]
sys.path[0] = str(TEMPLATE)

from templates_variants.engine.update import apply, transaction  # noqa: E402 - needs the path that was set above

BEFORE = {"changed": "old", "deep/er/changed": "old", "deleted": "old", "gone/with/its/folder": "old", "kept": "old"}
AFTER = {"changed": "new", "deep/er/changed": "new", "added": "new", "new/folder/added": "new", "kept": "old"}
# How a transaction may end: done without a fault, failed, done although a fault came after its last step, killed.
DONE, FAILED, DONE_DESPITE_FAULT, KILLED = 0, 1, 3, -signal.SIGKILL
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
        expected = {FAILED: [BEFORE], DONE: [AFTER], DONE_DESPITE_FAULT: [AFTER], KILLED: [BEFORE, AFTER]}[code]
        assert code != FAILED or not transaction.is_pending(project), f"{kind} at {moment} was not rolled back"
        transaction.recover(project)
        assert _read(project) in expected, f"{kind} at {moment} with {code}: {_read(project)}"
        if code == DONE:
            break
    print(moment)


def _in_a_child(project: Path, final: "dict[str, Path | None]", kind: str, moment: int) -> int:
    """Runs the transaction in a child process; returns its exit code."""
    child = os.fork()
    if child == 0:
        left = _fault(kind, moment, str(project))
        try:
            apply.carry_out(project, final, os.getpid())
        except (OSError, KeyboardInterrupt):
            os._exit(FAILED)
        os._exit(DONE_DESPITE_FAULT if left[0] <= 0 else DONE)
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
