"""The variants: a folder for each backend that the template can make, with `variant.json` beside the files."""

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = "templates_variants"


@dataclass(frozen=True)
class Variant:
    """`label` is what the question shows, `demo` what `make demo` asks it. `adapters` are folders of `adapters/`."""

    label: str
    adapters: tuple[str, ...] = ()
    demo: str = "What is 17 * 23?"


def read(template: Path, name: str) -> Variant:
    """Raises OSError, ValueError or TypeError where `variant.json` is missing or damaged."""
    said = json.loads((template / FOLDER / name / "variant.json").read_text(encoding="utf-8"))
    return Variant(**{**said, "adapters": tuple(said.get("adapters", ()))})


def adapter_folders(template: Path, name: str) -> list[Path]:
    """The folders of the adapters that this variant uses."""
    return [template / FOLDER / "adapters" / adapter for adapter in read(template, name).adapters]
