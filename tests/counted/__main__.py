"""`python -m tests.counted` prints the counted cost of a chunk and of a request; `--write` records it."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import report

from .measure import ROOT, all_counted
from .records import PYTHON, Records, RiseRefused, flat


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.counted", description=__doc__)
    parser.add_argument("--write", action="store_true", help="record the figures in counted.toml")
    parser.add_argument("--reason", help="the reason why figures per request rise, which is recorded with them")
    given = parser.parse_args()
    records = Records.read()
    with tempfile.TemporaryDirectory() as folder:
        measured = all_counted(Path(folder))
    maxima = flat(records.figures.get(PYTHON, {}))
    rows = [
        [name, f"{value:g}", f"{maxima[name]:g}" if name in maxima else "-"] for name, value in flat(measured).items()
    ]
    print(report.table(["Figure", f"Python {PYTHON}", "recorded maximum"], rows))
    if given.write:
        version = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
        try:
            records.update(measured, version, given.reason)
        except RiseRefused as refused:
            print(f"\nNothing was written: {refused}", file=sys.stderr)
            return 1
        records.write()
        print("\nThe figures were recorded.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
