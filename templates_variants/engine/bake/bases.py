"""The bases: copies of the shared files as the template made them. The next update needs them for merging.

They are in one file, `.janus/base.json`. It maps each path to the `sha256` of the bytes, the `mode` ("644" or
"755"), and the `text`: the bytes, compressed with zlib, in base64. Repos of version 0.2.0 or older have copies in the
folder `.janus/base/` instead.
"""

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from templates_variants.engine.bake import files
from templates_variants.engine.bake.files import File

FILE, OLD_FOLDER = ".janus/base.json", ".janus/base"
MAX_BYTES = 32 * 2**20  # of all bases together, or of the file
_MODES = {"644": False, "755": True}


def write(project: Path, paths: Iterable[str]) -> None:
    """Records the present content of these files of a repo. On one system, equal content gives equal bytes."""
    entries = {path: _entry(made) for path in paths if (made := files.read(project, path)) is not None}
    text = json.dumps(entries, indent=1, sort_keys=True) + "\n"
    (project / FILE).write_text(text, encoding="utf-8", newline="\n")


def read(project: Path) -> dict[str, File]:
    """Maps each path to its base. Raises OSError, ValueError, KeyError or TypeError if the bases are damaged.

    If a repo has both the file and the old folder, an older template made the last update. Then the folder is read.
    """
    if old := old_files(project):
        folder = project / OLD_FOLDER
        return {path: file for path in old if (file := files.read(folder, path)) is not None}
    kept = project / FILE
    if not kept.exists():
        return {}
    if kept.is_symlink() or not kept.is_file() or kept.stat().st_size > MAX_BYTES:
        raise ValueError("base.json is a link, not a plain file, or too large")
    return decode(kept.read_bytes())


def decode(data: bytes) -> dict[str, File]:
    """Decodes the bytes of `base.json`. Raises the same errors as `read`."""
    found: dict[str, File] = {}
    left = MAX_BYTES
    for path, entry in json.loads(data).items():
        found[path] = _file(path, entry, left)
        left -= len(found[path].data)
    return found


def old_files(project: Path) -> list[str]:
    """The files in the old folder, relative to it, sorted. Raises ValueError if the folder is a link."""
    if (project / OLD_FOLDER).is_symlink():
        raise ValueError(f"{OLD_FOLDER} is a link")
    return files.files_below(project / OLD_FOLDER)


def _entry(made: File) -> dict[str, str]:
    return {
        "mode": "755" if made.executable else "644",
        "sha256": hashlib.sha256(made.data).hexdigest(),
        "text": base64.b64encode(zlib.compress(made.data, 9)).decode("ascii"),
    }


def _file(path: str, entry: Mapping[str, Any], max_bytes: int) -> File:
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(entry["text"], validate=True), max_bytes + 1)
    except zlib.error as error:
        raise ValueError(f"base.json is damaged at {path}: {error}") from None
    if len(data) > max_bytes:
        raise ValueError(f"base.json is damaged at {path}: its texts are too large")
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise ValueError(f"base.json is damaged at {path}: its hash does not match")
    return File(data, _MODES[entry["mode"]] and os.name == "posix")
