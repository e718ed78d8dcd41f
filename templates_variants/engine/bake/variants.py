"""The variants: one folder for each backend that the template can make, with a `variant.json` in it."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = "templates_variants"


@dataclass(frozen=True)
class Variant:
    """A variant.

    `label` is its text in the question for the backend. `demo` is the question that `make demo` sends. `adapters` has
    the names of the adapters that the variant uses.
    """

    label: str
    adapters: tuple[str, ...] = ()
    demo: str = "What is 17 * 23?"


def read(template: Path, name: str) -> Variant:
    """Reads `variant.json`. Raises OSError, ValueError or TypeError if it is missing or damaged."""
    said = json.loads((template / FOLDER / name / "variant.json").read_text(encoding="utf-8"))
    return Variant(**{**said, "adapters": tuple(said.get("adapters", ()))})


def adapter_folders(template: Path, name: str) -> list[Path]:
    """The folders of the adapters that this variant uses."""
    return [template / FOLDER / "adapters" / adapter for adapter in read(template, name).adapters]
