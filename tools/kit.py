"""Packs what a workshop without a network needs into `build/kit`: this template and a folder of wheels.

The folder has the wheels of all packages in the variants' locks, for each requested operating system and Python
version. pip checks the hash of each wheel. `docs/workshop-trainer.md` says how to use the folder.
"""

import argparse
import io
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
KIT = ROOT / "build" / "kit"
LOCKS = (
    ROOT / "templates_variants" / "requirements.txt",  # the lock of cookiecutter
    *sorted(ROOT.glob("templates_variants/*/{{cookiecutter.project_slug}}/requirements-dev.txt")),
)
PYTHONS = ("3.11", "3.12", "3.13")
# For each operating system: the platform tags of wheels that run there, and the values of its environment markers.
SYSTEMS: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "linux": (
        tuple(
            f"manylinux{version}_x86_64"
            for version in ("_2_28", "_2_24", "_2_17", "2014", "_2_12", "2010", "_2_5", "1")
        ),
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    ),
    "macos": (
        ("macosx_14_0_arm64",),
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    ),
    "macos-intel": (
        ("macosx_13_0_x86_64",),
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "x86_64", "os_name": "posix"},
    ),
    "windows": (
        ("win_amd64",),
        {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
    ),
}
_PIN = re.compile(
    r"^([A-Za-z0-9._-]+==[^\s;\\]+)\s*(?:;\s*([^\\\n]+?))?\s*\\?\n((?:\s+--hash=\S+(?:\s*\\)?\n)*)", re.MULTILINE
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--system",
        action="append",
        choices=SYSTEMS,
        help="pack for this operating system; may be repeated (default: all)",
    )
    parser.add_argument(
        "--python",
        action="append",
        metavar="3.N",
        help=f"pack for this Python; may be repeated (default: {', '.join(PYTHONS)})",
    )
    parser.add_argument("--here", action="store_true", help="pack only for this machine and this Python")
    given = parser.parse_args()
    systems, pythons = given.system or list(SYSTEMS), given.python or list(PYTHONS)
    if given.here:
        here = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}[platform.system()]
        systems, pythons = [here], [f"{sys.version_info.major}.{sys.version_info.minor}"]
    shutil.rmtree(KIT, ignore_errors=True)
    (KIT / "wheelhouse").mkdir(parents=True)
    unpack_the_template()
    for system in systems:
        for python in pythons:
            print(f"{system}, Python {python} ...", flush=True)
            if code := download(system, python):
                return code
    size = sum(file.stat().st_size for file in KIT.rglob("*") if file.is_file())
    count = len(list((KIT / "wheelhouse").iterdir()))
    print(f"{KIT.relative_to(ROOT)}: the template, and {count} packages; {size / 1e6:.0f} MB")
    return 0


def unpack_the_template() -> None:
    """Writes the files of the current commit to the kit."""
    packed = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(KIT / "janus-template", filter="data")


def download(system: str, python: str) -> int:
    """Downloads the wheels. Returns pip's exit code.

    pip cannot evaluate environment markers for another operating system, so `pins_of` evaluates them.
    """
    wanted = KIT / "wanted.txt"
    pins = dict.fromkeys(pin for lock in LOCKS for pin in pins_of(lock.read_text(encoding="utf-8"), system, python))
    wanted.write_text("".join(pins), encoding="utf-8")
    tags = [option for tag in SYSTEMS[system][0] for option in ("--platform", tag)]
    command = [
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
    ]
    goal = ["--python-version", python, *tags, "--dest", str(KIT / "wheelhouse"), "--requirement", str(wanted)]
    done = subprocess.run([sys.executable, "-m", "pip", *command, *goal], check=False)
    wanted.unlink()
    return done.returncode


def pins_of(lock: str, system: str, python: str) -> Iterator[str]:
    """The pins of a lock that apply to this operating system and Python, with hashes but without markers."""
    environment = {
        **SYSTEMS[system][1],
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for pin, marker, hashes in _PIN.findall(lock):
        if not marker or Marker(marker).evaluate(environment):
            yield f"{pin} \\\n{hashes}"


if __name__ == "__main__":
    sys.exit(main())
