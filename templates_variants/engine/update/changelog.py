"""Reads the changes of the contract from the template's changelog."""

import re

_VERSION = re.compile(r"^## \[(\d+\.\d+\.\d+|Unreleased)\]", re.MULTILINE)
_SECTION = re.compile(r"^### ", re.MULTILINE)


def number(version: str) -> tuple[int, ...]:
    """Converts a version to a tuple of numbers, so that versions can be compared."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def contract_changes(text: str, since: str, until: str) -> str:
    """Returns the sections "Contract" of the versions after `since`, up to and including `until`, newest first.

    Returns an empty string if there are none.
    """
    parts = _VERSION.split(text)[1:]
    found = []
    for version, body in zip(parts[::2], parts[1::2], strict=True):
        if version != "Unreleased" and number(since) < number(version) <= number(until):
            sections = [part for part in _SECTION.split(body)[1:] if part.startswith("Contract")]
            found += [f"{version}: {section.strip()}" for section in sections]
    return "\n\n".join(found)
