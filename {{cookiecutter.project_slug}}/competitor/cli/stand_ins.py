"""Starts the stand-ins of services that are not configured, for `make run`. A container has none.
Contract file: replaced by updates.

An adapter of a service may have one: `python -m stand_in` in its folder, which prints the variable that names it.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parents[1] / "adapters"
_RUNNING: list["subprocess.Popen[str]"] = []  # each ends with this process, because its input ends then


def start_stand_ins(environment: Mapping[str, str]) -> dict[str, str]:
    """Starts the stand-ins, except those whose variable is in the environment. Returns the variables of the others."""
    found: dict[str, str] = {}
    for program in sorted(ADAPTERS.glob("*/stand_in")):
        command = [sys.executable, "-m", "stand_in"]
        process = subprocess.Popen(  # noqa: S603 - a contract file
            command, cwd=program.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        variable, _, value = (process.stdout.readline() if process.stdout else "").strip().partition("=")
        if not value or environment.get(variable):
            process.kill()
            process.wait()
            continue
        _RUNNING.append(process)
        found[variable] = value
        print(f"{variable} is not set, so a stand-in serves at {value}.", file=sys.stderr)
    return found
