"""Causes a fault at the n-th step of an update. Python runs this file when it starts, if PYTHONPATH has this folder.

FAULT is `kind:number`. A step is a file operation that changes something in the repo. Only the steps of the process
that runs the template's updater count. A full disk stays full: from that step on, every write fails, while
files can still be renamed and deleted. The kind `count` causes no fault. It writes two numbers to the file in
FAULT_COUNT: the step that writes the journal, and the step that removes it.
"""

import atexit
import errno
import json
import os
import signal
import sys
from pathlib import Path

CHANGING = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "os.chmod", "os.utime"}
# These operations need no space, so they work on a full disk.
WITHOUT_SPACE = {"os.rename", "os.remove", "os.rmdir", "os.chmod", "os.utime"}


class Faults:
    def __init__(self, kind: str, moment: int, project: str) -> None:
        self.kind, self.moment, self.project, self.seen = kind, moment, project, 0
        self.marks: dict[str, int] = {}

    def __call__(self, event: str, arguments: "tuple[object, ...]") -> None:
        changes = event in CHANGING or (event == "open" and str(arguments[1])[:1] in ("w", "a", "x"))
        if not changes or not str(arguments[0]).startswith(self.project):
            return
        self.seen += 1
        if self.kind == "full disk" and self.seen > self.moment and event not in WITHOUT_SPACE:
            self.strike()
        if event == "os.rename" and str(arguments[1]).endswith("journal.json"):
            self.marks["ready"] = self.seen
        if event == "os.remove" and str(arguments[0]).endswith("journal.json"):
            self.marks["done"] = self.seen
        if self.seen == self.moment:
            self.strike()

    def strike(self) -> None:
        if self.kind == "full disk":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.kind == "ctrl-c":  # to the whole process group, as a terminal does
            os.killpg(0, signal.SIGINT)
        if self.kind == "sigterm":
            os.kill(os.getpid(), signal.SIGTERM)
        if self.kind == "sigkill":
            os.kill(os.getpid(), signal.SIGKILL)


if "FAULT" in os.environ and any(part.endswith("templates_variants/update.py") for part in sys.orig_argv):
    kind, _, moment = os.environ["FAULT"].partition(":")
    faults = Faults(kind, int(moment or 0), sys.orig_argv[sys.orig_argv.index("--project") + 1])
    sys.addaudithook(faults)
    if kind == "count":
        atexit.register(lambda: Path(os.environ["FAULT_COUNT"]).write_text(json.dumps(faults.marks)))
