"""Checks the answers. All problems are reported at once, because cookiecutter asks only once.

Each answer must match a pattern of what is allowed. Therefore answers can be inserted into TOML, YAML, Markdown and a
Dockerfile without escaping.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Answers = Mapping[str, Any]

# Characters with a special meaning in one of the files that contain answers.
_SPECIAL = set('"\\{}<>`$')
# Invisible characters that join two others, in emoji, or keep them apart, in Persian.
_JOINERS = {0x200C: None, 0x200D: None}
_SLUG = re.compile(r"[a-z](?:-?[a-z0-9]){1,62}")
_OWNER = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
_BASE_URL = re.compile(r"https?://[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]{0,200})?")
_DOMAIN = re.compile(r"(?=.{3,200}\Z)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}")
_REFERENCE = re.compile(r"\{\{ cookiecutter\.(\w+)( \| lower)? \}\}")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def problems(answers: Answers, template: Path) -> dict[str, str]:
    """Maps the name of each bad answer to a sentence; empty if all are good. `template` is the template's root."""
    variants = sorted(
        folder.parent.name for folder in template.glob("templates_variants/*/{{cookiecutter.project_slug}}")
    )
    checks: dict[str, Callable[[str], str | None]] = {
        "project_name": lambda given: _text(given, 1, 80),
        "project_slug": _slug,
        "description": lambda given: _text(given, 100, 500),
        "author": lambda given: _text(given, 1, 100),
        "github_owner": lambda given: _like(_OWNER, given, "must be a GitHub account, such as octo-org"),
        "backend": lambda given: None if given in variants else f"must be one of {', '.join(variants)}",
        "llm_base_url": lambda given: _like(_BASE_URL, given, "must be a URL such as https://llm.example.com/v1"),
        "llm_model": lambda given: _like(_MODEL, given, "must be a model's name, such as org/model-1.0"),
        "__platform_domain": lambda given: _like(_DOMAIN, given, "must be a domain such as janus.rodeo"),
        "license": lambda given: None if given in LICENSES else f"must be one of {', '.join(LICENSES)}",
        "hotkey": lambda given: (
            None if not given or is_hotkey(given) else "must be an SS58 address with prefix 42, or empty"
        ),
    }
    found = {name: check(str(answers.get(name, ""))) for name, check in checks.items()}
    wrong = {name: sentence for name, sentence in found.items() if sentence}
    return {**wrong, **_taken(answers, template)}


def _taken(answers: Answers, template: Path) -> dict[str, str]:
    """Finds private values that somebody has set, instead of leaving them to the template."""
    own = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    private = [name for name in own if name.startswith("_") and name not in ("_recorded", "__prompts__")]
    if answers.get("_template_version", own["_template_version"]) != own["_template_version"]:
        return {}  # `--replay` repeats the values of another version, which preconditions.py says
    said = "belongs to the template and cannot be set"
    return {name: said for name in private if name in answers and answers[name] != _derived(own[name], answers)}


def _derived(own: object, answers: Answers) -> object:
    """The value of a private variable in `cookiecutter.json`, with the answers filled in as cookiecutter does."""

    def answer(found: re.Match[str]) -> str:
        given = str(answers.get(found[1], ""))
        return given.lower() if found[2] else given

    return _REFERENCE.sub(answer, own) if isinstance(own, str) else own


LICENSES = ("MIT", "Apache-2.0", "BSD-3-Clause", "MPL-2.0")


def refusal(answers: Answers, wrong: Mapping[str, str]) -> str:
    """The text to print: every problem, then the command to run again, with the good answers filled in."""
    lines = ["These answers cannot be used:", ""]
    lines += [f"  {name}: {sentence}" for name, sentence in wrong.items()]
    asked = [name for name in answers if not name.startswith("_")]
    given = [f"{name}={answers[name]}" for name in asked if name not in wrong]
    again = [f"{name}=..." for name in wrong]
    command = shlex.join(["cookiecutter", str(answers.get("_template", "gh:org/janus-template")), "--no-input", *given])
    return "\n".join(
        [
            *lines,
            "",
            "Nothing was created. To try again, replace the dots in this command:",
            "",
            f"  {command} {' '.join(again)}",
            "",
        ]
    )


def is_hotkey(address: str) -> bool:
    """Whether this is an SS58 address of network 42: base58 of 35 bytes, the last two a blake2b checksum."""
    number = 0
    for character in address:
        if character not in _BASE58 or len(address) > 50:
            return False
        number = number * 58 + _BASE58.index(character)
    if number >= 1 << 280:
        return False
    raw = number.to_bytes(35, "big")
    checksum = hashlib.blake2b(b"SS58PRE" + raw[:33]).digest()[:2]
    return raw[0] == 42 and raw[33:] == checksum


def _text(given: str, minimum: int, maximum: int) -> str | None:
    if not minimum <= len(given) <= maximum:
        return f"must have {minimum} to {maximum} characters; it has {len(given)}"
    if given != given.strip():
        return "must not begin or end with a space"
    if bad := sorted({character for character in given if character in _SPECIAL}):
        return f"must not contain {' '.join(bad)}"
    return None if given.translate(_JOINERS).isprintable() else "must be printable text on one line"


def _slug(given: str) -> str | None:
    if not _SLUG.fullmatch(given):
        return "must be 2 to 63 lower-case letters, digits and single hyphens, and begin with a letter"
    return "is a name that Windows reserves" if given in _RESERVED else None


def _like(pattern: re.Pattern[str], given: str, sentence: str) -> str | None:
    return None if pattern.fullmatch(given) else sentence
