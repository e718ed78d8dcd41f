"""The checks as a program of their own: `python janus-check.pyz URL`, or `python -m competitor.checks URL` in a repo.
Contract file: replaced by updates.

It needs only Python's standard library.
"""

import argparse
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from . import VERSION
from .commands.check import check
from .commands.options import add_options
from .commands.released import verify

_ABOUT = """\
Checks a server against every clause of the Janus contract, over HTTP.

  janus-check https://host/path          check a server that runs
  janus-check --start 'node server.js'   start a server with PORT set, and check all clauses
  janus-check --explain S8/3             explain a clause or a case
  janus-check verify REPO                compare the contract files of a repo with a release of the template
"""


def main(words: Sequence[str]) -> int:
    """Runs the program with these arguments. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="janus-check")
    if words[:1] == ["verify"]:
        parser.prog, parser.description = "janus-check verify", inspect.getdoc(verify)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("repo", type=Path, metavar="REPO", help="the repo to look at, preferably a fresh clone")
        return verify(parser.parse_args(words[1:]).repo)
    parser.add_argument("--version", action="version", version=f"janus-check {VERSION}")
    add_options(parser)
    parser.description = _ABOUT
    return check(parser.parse_args(words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
