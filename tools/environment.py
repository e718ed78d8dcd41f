"""Sets up an environment with the packages of a lock: `python tools/environment.py FOLDER LOCK`. Needs only Python."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "{{cookiecutter.project_slug}}"))

from competitor.cli.install import install  # noqa: E402 - needs the path that was added above

if __name__ == "__main__":
    install(Path(sys.argv[1]), Path(sys.argv[2]))
