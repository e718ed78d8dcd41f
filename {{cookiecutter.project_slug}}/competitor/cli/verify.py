"""Whose file is whose, as `.janus/contract.json` recorded it when this repo was made."""
# Contract file: replaced by updates.

import hashlib
import json
from pathlib import Path


def digest(data: bytes) -> str:
    """The hash of a file's text; line endings do not count, since git may change them."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def changed_files(root: Path) -> dict[str, str]:
    """The contract's files that are not as the template made them: path -> what happened to it."""
    recorded: dict[str, str] = json.loads((root / ".janus" / "contract.json").read_text(encoding="utf-8"))["files"]
    changed = {}
    for path, expected in recorded.items():
        file = root / path
        if not file.is_file():
            changed[path] = "missing"
        elif digest(file.read_bytes()) != expected:
            changed[path] = "edited"
    return changed
