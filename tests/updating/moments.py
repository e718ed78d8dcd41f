"""Repeats a transaction of a few files. Each repetition has a fault one step later, until no step is left.

    python moments.py KIND FOLDER [last]

Each transaction runs in a forked process. After each one, `recover` must leave all old files or all new files.
With `last`, each transaction is killed at its last step, and the faults happen while the next process rolls it back.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2]
sys.path[0] = str(TEMPLATE)

from templates_variants.engine.update import apply, transaction  # noqa: E402 - needs the path that was set above

BEFORE = {"changed": "old", "deep/er/changed": "old", "deleted": "old", "gone/with/its/folder": "old", "kept": "old"}
AFTER = {"changed": "new", "deep/er/changed": "new", "added": "new", "new/folder/added": "new", "kept": "old"}
# The ways in which a transaction may end. DONE_DESPITE_FAULT: the fault came after its last step.
DONE, FAILED, DONE_DESPITE_FAULT, KILLED = 0, 1, 3, -signal.SIGKILL
CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "os.chmod", "os.utime"}
# These operations need no space, so they work on a full disk.
WITHOUT_SPACE = {"os.rename", "os.remove", "os.rmdir", "os.chmod", "os.utime"}


def swaps(kind: str, folder: Path) -> int:
    """Runs a transaction once for each of its steps, with a fault at that step. Returns the number of steps."""
    moment = 0
    while True:
        moment += 1
        project, final = _project(folder / str(moment))
        code = _in_a_child(project, kind, moment, partial(_carry_out, project, final))
        expected = {FAILED: [BEFORE], DONE: [AFTER], DONE_DESPITE_FAULT: [AFTER], KILLED: [BEFORE, AFTER]}[code]
        assert code != FAILED or not transaction.is_pending(project), f"{kind} at {moment} was not rolled back"
        transaction.recover(project)
        assert _read(project) in expected, f"{kind} at {moment} with {code}: {_read(project)}"
        if code == DONE:
            return moment


def roll_backs(kind: str, folder: Path) -> int:
    """Rolls a transaction back with a fault at each of its steps; returns the number of steps."""
    last, moment = _last_step(folder / "count"), 0
    while True:
        moment += 1
        project, final = _project(folder / str(moment))
        code = _in_a_child(project, "sigkill", last, partial(_carry_out, project, final))
        assert code == KILLED
        assert transaction.is_pending(project)
        code = _in_a_child(project, kind, moment, partial(transaction.recover, project))
        assert code in (DONE, FAILED, DONE_DESPITE_FAULT, KILLED)
        assert transaction.recover(project) in (None, []), f"{kind} at {moment}: some files were not restored"
        assert _read(project) == BEFORE, f"{kind} at {moment} with {code}: {_read(project)}"
        if code == DONE:
            return moment


def _last_step(folder: Path) -> int:
    """Returns the number of the step that deletes the journal. Until then, the transaction can be rolled back."""
    step = 1
    while True:
        project, final = _project(folder / str(step))
        code = _in_a_child(project, "sigkill", step, partial(_carry_out, project, final))
        if _read(project, besides=".janus") == AFTER:
            assert code == KILLED
            return step
        step += 1


def _project(folder: Path) -> "tuple[Path, dict[str, Path | None]]":
    """Makes a repo. Returns it, and the new file for each path, or None for a path to delete."""
    project, staged = folder / "project", folder / "staged"
    _write(project, BEFORE)
    _write(staged, AFTER)
    return project, {path: staged / path if path in AFTER else None for path in sorted({*BEFORE, *AFTER})}


def _carry_out(project: Path, final: "dict[str, Path | None]") -> None:
    apply.carry_out(project, final, os.getpid())


def _in_a_child(project: Path, kind: str, moment: int, do: "Callable[[], object]") -> int:
    """Runs `do` in a child process with a fault; returns its exit code."""
    child = os.fork()
    if child == 0:
        left = _fault(kind, moment, str(project))
        try:
            do()
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
            if kind == "full disk" and (left[0] == 0 or (left[0] < 0 and event not in WITHOUT_SPACE)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # it stays full
            if kind != "full disk" and left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL if kind == "sigkill" else signal.SIGINT)

    sys.addaudithook(strike)
    return left


def _write(root: Path, files: "dict[str, str]") -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _read(root: Path, besides: str = "") -> "dict[str, str]":
    files = (path for path in root.rglob("*") if path.is_file() and besides not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}


if __name__ == "__main__":
    print((roll_backs if sys.argv[3:] == ["last"] else swaps)(sys.argv[1], Path(sys.argv[2])))
