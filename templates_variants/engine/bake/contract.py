"""Finds the contract files that a checkout of the template makes for a variant, without making a repo.

It uses only the standard library and the checkout's own files, so that a reviewer's check needs nothing else.
"""

import json
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path

from templates_variants.engine.bake import variants
from templates_variants.engine.bake.files import digest, files_below
from templates_variants.engine.bake.zones import zone_of

_FOLDER = "{{cookiecutter.project_slug}}"
_JINJA = (b"{{", b"{%", b"{#")


def names(template: Path) -> list[str]:
    """The variants of this template, sorted."""
    return sorted(folder.parent.name for folder in (template / variants.FOLDER).glob(f"*/{_FOLDER}"))


def sources(template: Path, variant: str) -> dict[str, Path]:
    """Maps the path of each contract file in a generated repo to the template's file that it is made from.

    Raises OSError, ValueError or TypeError if the variant is missing or damaged.
    """
    folders = [template, *variants.adapter_folders(template, variant), template / variants.FOLDER / variant]
    return {
        path: folder / _FOLDER / path
        for folder in folders
        for path in files_below(folder / _FOLDER)
        if zone_of(path) == "contract"
    }


def hashes(template: Path, variant: str) -> dict[str, str]:
    """Maps each contract file to its hash.

    Raises the same exceptions as `sources`, and ValueError if a file contains Jinja.
    """
    found = sources(template, variant)
    if written := rendered(template, found):
        raise ValueError(f"{written[0]} is rendered by Jinja, so its hash is not the same in all repos")
    return {path: digest(file.read_bytes()) for path, file in found.items()}


def executable(template: Path, variant: str) -> list[str]:
    """The paths of the contract files that are executable."""
    return sorted(path for path, file in sources(template, variant).items() if file.stat().st_mode & 0o111)


def rendered(template: Path, files: Mapping[str, Path]) -> list[str]:
    """The files that Jinja would change: they contain Jinja and are not listed in `_copy_without_render`."""
    copied: list[str] = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))["_copy_without_render"]
    return [
        path
        for path, file in files.items()
        if not any(fnmatch(path, pattern) for pattern in copied) and any(sign in file.read_bytes() for sign in _JINJA)
    ]
