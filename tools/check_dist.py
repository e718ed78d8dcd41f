"""Packs the checks into one file that runs on any Python 3.11 without an install. `make check-dist` runs it.

    python build/janus-check.pyz http://localhost:8080

The file depends only on this checkout: the same bytes on every machine. Its SHA-256 stands in a file beside it.
"""

import argparse
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.release import BASE, LOCK  # noqa: E402 - needs the path that was added above
from tools.verify import releases  # noqa: E402

NAME = "janus-check.pyz"
PACKAGE = ROOT / BASE
SHEBANG = b"#!/usr/bin/env python3\n"
MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("janus-check needs Python 3.11 or later.")

from competitor.checks.__main__ import main

sys.exit(main(sys.argv[1:]))
"""
ENDINGS = (".py", ".toml", ".json", ".css")
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can have


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--to", type=Path, default=ROOT / "build", metavar="FOLDER", help="where to write the files")
    folder: Path = parser.parse_args().to
    folder.mkdir(parents=True, exist_ok=True)
    data = packed()
    digest = hashlib.sha256(data).hexdigest()
    (folder / NAME).write_bytes(data)
    (folder / NAME).chmod(0o755)
    (folder / f"{NAME}.sha256").write_text(f"{digest}  {NAME}\n", encoding="utf-8")
    print(f"{folder / NAME}: {len(data):,} bytes\nsha256:{digest}")
    return 0


def packed() -> bytes:
    """The bytes of the archive. Nothing is compressed, because the result of that depends on the library's version."""
    buffer = io.BytesIO()
    buffer.write(SHEBANG)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, text in sorted(contents()):
            entry = zipfile.ZipInfo(name, _FIXED_DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix
            archive.writestr(entry, text.encode())
    return buffer.getvalue()


def contents() -> Iterator[tuple[str, str]]:
    """The files of the archive: their names and texts."""
    lock = json.loads((ROOT / LOCK).read_text(encoding="utf-8"))
    yield "__main__.py", MAIN
    yield "competitor/checks/commands/releases.json", json.dumps(releases(lock), sort_keys=True)
    for name in ("competitor/__init__.py", "competitor/cli/__init__.py", "competitor/cli/verify.py"):
        yield name, (PACKAGE / name).read_text(encoding="utf-8")
    for path in (PACKAGE / "competitor" / "checks").rglob("*"):
        if path.suffix in ENDINGS and "__pycache__" not in path.parts:
            yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
