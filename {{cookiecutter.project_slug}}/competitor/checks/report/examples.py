"""Explains clauses and cases, with a right and a wrong example on the wire (examples.toml)."""
# Contract file: replaced by updates.

import tomllib
from functools import cache
from importlib.resources import files

from ..registry import CASES, CLAUSES


def example(clause: str) -> tuple[str, str]:
    """The right and the wrong example of a clause."""
    given = _examples()[clause]
    return given["right"].strip("\n"), given["wrong"].strip("\n")


@cache
def _examples() -> dict[str, dict[str, str]]:
    text = files(__package__).joinpath("examples.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def explained(name: str) -> str:
    """A clause or a case as text: what it asks for, how to fix a breach, and the examples of the clause."""
    clause = CLAUSES[name.partition("/")[0]]
    lines = [f"{clause.id} ({clause.severity}; {clause.cites}): {clause.title}", ""]
    for case in clause.cases if name in CLAUSES else [CASES[name]]:
        lines += [f"{case.id} ({case.severity}): {case.title}", f"  To fix a breach: {case.remedy}"]
    right, wrong = example(clause.id)
    lines += ["", "Right:", *_indented(right), "", "Wrong:", *_indented(wrong)]
    return "".join(f"{line}\n" for line in lines)


def _indented(text: str) -> list[str]:
    return [f"  {line}" if line else "" for line in text.splitlines()]
