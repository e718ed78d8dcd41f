"""The recorded maximum of every figure, in `counted.toml`, and the rules for changing it."""

import json
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("counted.toml")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# If a figure is below this share of its record, it has fallen, and the record must be lowered.
FALLEN = 0.98
DIGITS = 3
# Allocations are rounded to a multiple of five. A figure between two multiples may be rounded to either.
TOLERATED = {"allocations_a_request": 5}

Figures = dict[str, dict[str, dict[str, float]]]  # backend -> mode -> figure


class RiseRefused(Exception):
    """A figure rose although it must never rise, or must not rise without a reason."""


@dataclass
class Records:
    """The content of `counted.toml`: `figures` for each version of Python, and all `raises` with their reasons."""

    rule: str
    figures: dict[str, Figures] = field(default_factory=dict)
    raises: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path = FILE) -> "Records":
        text = file.read_text(encoding="utf-8")
        rule = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
        kept = tomllib.loads(text)
        return cls(rule, kept.get("figures", {}), kept.get("raises", []))

    def write(self, file: Path = FILE) -> None:
        lines = [self.rule]
        for python, backends in self.figures.items():
            for backend, modes in backends.items():
                for mode, figures in modes.items():
                    lines.append(f'[figures."{python}".{backend}.{mode}]\n')
                    lines += [f"{name} = {number:g}\n" for name, number in figures.items()]
                    lines.append("\n")
        for raised in self.raises:
            lines.append("[[raises]]\n")
            lines += [f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in raised.items()]
            lines.append("\n")
        file.write_text("\n".join([lines[0], "".join(lines[1:]).rstrip("\n") + "\n"]), encoding="utf-8")

    def update(self, measured: Figures, version: str, reason: str | None, python: str = PYTHON) -> None:
        """Records the measured figures. If the rules forbid it, raises `RiseRefused` and changes nothing."""
        risen = rises(measured, self.figures.get(python, {}))
        for name, (maximum, figure) in risen.items():
            if name.endswith("_a_chunk"):
                raise RiseRefused(
                    f"{name} rises from {maximum:g} to {figure:g}, but figures per chunk must never rise."
                )
            if not reason:
                raise RiseRefused(f"{name} rises from {maximum:g} to {figure:g}: give a --reason.")
        for name, (maximum, figure) in risen.items():
            about = {"figure": name, "python": python, "from": maximum, "to": figure}
            self.raises.append({**about, "version": version, "reason": reason})
        self.figures[python] = measured


def flat(figures: Figures) -> dict[str, float]:
    """Maps the full name of each figure, `backend.mode.figure`, to its value."""
    return {
        f"{backend}.{mode}.{name}": value
        for backend, modes in figures.items()
        for mode, of in modes.items()
        for name, value in of.items()
    }


def rises(measured: Figures, recorded: Figures) -> dict[str, tuple[float, float]]:
    """Maps the name of each figure that is higher than its record to the pair of the record and the figure."""
    maxima, found = flat(recorded), flat(measured)
    return {
        name: (maxima[name], figure)
        for name, figure in found.items()
        if figure > maxima.get(name, figure) + TOLERATED.get(name.rpartition(".")[2], 0)
    }


def complaints(measured: Figures, recorded: Figures) -> list[str]:
    """One sentence for each figure that breaks the rules."""
    found, maxima = flat(measured), flat(recorded)
    wrong = [f"{name} has no recorded maximum." for name in found if name not in maxima]
    for name, (maximum, figure) in rises(measured, recorded).items():
        rule = "figures per chunk must never rise" if name.endswith("_a_chunk") else "a rise needs a recorded reason"
        wrong.append(f"{name} is {figure:g}, but its recorded maximum is {maximum:g}: {rule}.")
    for name, figure in found.items():
        if figure < FALLEN * maxima.get(name, figure):
            wrong.append(f"{name} has fallen from {maxima[name]:g} to {figure:g}: lower its recorded maximum.")
    return wrong
