"""Which cases a version of the contract asks for: one file for each version.
Contract file: replaced by updates.

A file is `frozen` when a release of the template has it; until then it is `open`, and may still change.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from typing import Any

from ..registry import CASES, Case, Severity, chosen

_FOLDER = files(__package__)


def versions() -> list[str]:
    """The versions of the contract that a server can be judged by, the oldest first."""
    names = [file.name.removesuffix(".json") for file in _FOLDER.iterdir() if file.name.endswith(".json")]
    return sorted(names, key=lambda name: tuple(map(int, name.split("."))))


def default_version() -> str:
    """The newest version whose cases do not change any more."""
    return [version for version in versions() if _read(version)["status"] == "frozen"][-1]


def required(version: str, names: Iterable[str] | None = None) -> list[Case]:
    """The cases that a version asks for, each with its severity in that version.

    `names` such as `S8` or `S8/3` choose some of them. Raises `KeyError` for an unknown name.
    """
    held = _read(version)
    severities: dict[str, Severity] = dict.fromkeys(_ids(held["must"]), "must")
    severities |= dict.fromkeys(_ids(held["should"]), "should")
    wanted = CASES.values() if names is None else chosen(names)
    return [replace(case, severity=severities[case.id]) for case in wanted if case.id in severities]


def _ids(held: dict[str, str]) -> list[str]:
    """The ids in a file, which maps each clause to the numbers of its cases."""
    return [f"{clause}/{number}" for clause, numbers in held.items() for number in numbers.split()]


def _read(version: str) -> dict[str, Any]:
    return dict(json.loads(_FOLDER.joinpath(f"{version}.json").read_text(encoding="utf-8")))
