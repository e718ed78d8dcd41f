"""Runs both kinds of verify, and changes files of a generated repo."""

import importlib.util
import json
import marshal
import shutil
import subprocess
from pathlib import Path

from ..baking.baking import run
from ..template_path import TEMPLATE

CORE = "competitor/core/answer/admission.py"
RECORD = ".janus/contract.json"
EDIT = b"\nMINE = 1\n"
HOLDS, DIFFERS, NOT_SHOWN = 0, 1, 2


def own(project: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Runs the repo's own verify."""
    return run("competitor", "verify", cwd=project, home=home, check=False)


def reviewed(project: Path, home: Path, checkout: Path = TEMPLATE) -> "subprocess.CompletedProcess[str]":
    """Runs the reviewer's verify, from a checkout of the template."""
    return run("tools.verify", str(project), cwd=checkout, home=home, check=False)


def copy(repo: Path, goal: Path) -> Path:
    return Path(shutil.copytree(repo, goal, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")))


def append(file: Path, data: bytes = EDIT) -> None:
    file.write_bytes(file.read_bytes() + data)


def record(project: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((project / RECORD).read_text(encoding="utf-8"))
    return found


def write_record(project: Path, **changes: object) -> None:
    (project / RECORD).write_text(json.dumps({**record(project), **changes}), encoding="utf-8")


def write(file: Path, data: bytes = b"MINE = 1\n") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def link_away(project: Path, path: str) -> None:
    """Moves the file or folder at `path` to `elsewhere`, which is outside the zones, and puts a link in its place."""
    (project / path).rename(project / "elsewhere")
    (project / path).symlink_to(project / "elsewhere")


def bytecode(project: Path, path: str, flags: int = 0, code: str = "MINE = 1") -> None:
    """Writes bytecode of other code, with a header that makes Python use it in place of the source."""
    source = project / CORE
    compiled = compile(code, str(source), "exec")
    status = source.stat()
    header = [flags, int(status.st_mtime), status.st_size]
    numbers = b"".join(number.to_bytes(4, "little") for number in header)
    write(project / path, importlib.util.MAGIC_NUMBER + numbers + marshal.dumps(compiled))
