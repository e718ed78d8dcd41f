"""The competitor's name and version, read from `pyproject.toml`."""
# Contract file: replaced by updates.

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Identity:
    name: str
    version: str


@cache
def identity() -> Identity:
    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return Identity(project["name"], project["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return Identity("competitor", "0")
