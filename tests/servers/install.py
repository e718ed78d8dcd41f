"""Installs the model servers: the Python ones into an environment of their own, the others with npm. Run once."""

from pathlib import Path

from ..clients.install import install

FOLDER = Path(__file__).parent
VENV = FOLDER.parents[1] / ".venv" / "servers"

if __name__ == "__main__":
    install("the model servers of test-servers", FOLDER, VENV)
