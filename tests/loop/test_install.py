"""Tests how the packages of a lock are installed: by pip, by uv if it is installed, and by pip if uv fails."""

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ..template_path import UNBAKED

NAME, VERSION = "otter_stand_in", "1.0"
INSTALL = """\
import sys
from pathlib import Path
from competitor.cli.install import install
install(*map(Path, sys.argv[1:]))
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock of one package, whose wheel is in the folder `wheels`."""
    wheel = tmp_path / "wheels" / f"{NAME}-{VERSION}-py3-none-any.whl"
    wheel.parent.mkdir()
    folder = f"{NAME}-{VERSION}.dist-info"
    files = {
        f"{NAME}.py": "SAYS = 'otter'\n",
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {VERSION}\n",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    with zipfile.ZipFile(wheel, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
        packed.writestr(f"{folder}/RECORD", "\n".join([*rows, f"{folder}/RECORD,,"]))
    lock = tmp_path / "requirements.txt"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(f"{NAME.replace('_', '-')}=={VERSION} \\\n    --hash=sha256:{digest}\n", encoding="utf-8")
    return lock


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def install(lock: Path, path: str) -> "subprocess.CompletedProcess[str]":
    wheels = str(lock.parent / "wheels")
    environment = {
        "PATH": path,
        "HOME": str(lock.parent),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": wheels,
        "PIP_CONFIG_FILE": os.devnull,
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": wheels,
        "UV_OFFLINE": "1",
    }
    command = [sys.executable, "-Bc", INSTALL, str(lock.parent / "venv"), str(lock)]
    return subprocess.run(
        command, cwd=UNBAKED, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def works(lock: Path) -> bool:
    python = lock.parent / "venv" / "bin" / "python"
    said = subprocess.run(
        [python, "-c", f"import {NAME}; print({NAME}.SAYS)"], capture_output=True, text=True, check=False
    )
    return said.stdout == "otter\n"


def test_pip_installs_and_says_how_long_it_took(lock: Path) -> None:
    done = install(lock, "/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert "Installing 1 package of requirements.txt into venv" in done.stderr
    assert "Installed in " in done.stderr
    assert works(lock)


def test_uv_installs_if_there_is_one(lock: Path) -> None:
    (lock.parent / "bin").mkdir()
    (lock.parent / "bin" / "uv").symlink_to(Path(sys.executable).parent / "uv")
    done = install(lock, f"{lock.parent / 'bin'}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert "pip" not in done.stderr
    assert not (lock.parent / "venv" / "bin" / "pip").exists()
    assert works(lock)


def test_pip_installs_if_uv_cannot(lock: Path) -> None:
    (lock.parent / "bin").mkdir()
    uv = lock.parent / "bin" / "uv"
    uv.write_text("#!/bin/sh\nexit 2\n", encoding="utf-8")
    uv.chmod(0o755)
    done = install(lock, f"{lock.parent / 'bin'}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert "uv could not install them, so pip tries." in done.stderr
    assert works(lock)


def test_a_wrong_hash_is_refused_with_a_sentence(lock: Path) -> None:
    lock.write_text(
        lock.read_text(encoding="utf-8").replace("sha256:", "sha256:" + "0" * 8, 1)[:-9] + "\n", encoding="utf-8"
    )
    done = install(lock, "/usr/bin:/bin")
    assert done.returncode == 1
    assert "requirements.txt could not be installed. Offline, set PIP_NO_INDEX=1 and PIP_FIND_LINKS" in done.stderr
    assert "Traceback" not in done.stderr
    assert not works(lock)
