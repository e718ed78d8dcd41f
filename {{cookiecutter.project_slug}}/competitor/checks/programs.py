"""Runs files of this package as programs of their own, also if the package is inside an archive (janus-check.pyz)."""
# Contract file: replaced by updates.

from importlib.resources import files
from pathlib import Path


def program(name: str) -> list[str]:
    """Python's arguments that run the file with this name: its path, or, from an archive, its text."""
    path = Path(__file__).with_name(name)
    if path.is_file():
        return [str(path)]
    return ["-c", files(__package__).joinpath(name).read_text(encoding="utf-8"), str(path)]
