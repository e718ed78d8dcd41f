"""The variants: one folder for each backend that the template can make, with a `variant.json` in it."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = "templates_variants"


@dataclass(frozen=True)
class Variant:
    """A variant. `label` is for the question, `demo` is what `make demo` asks; `adapters` are its adapters."""

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
