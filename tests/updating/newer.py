"""Makes a newer version of this template from the working tree. It has every kind of change that a release may have."""

import json
import re
from pathlib import Path

from ..baking.baking import copy_template, git
from ..template_path import TEMPLATE, UNBAKED

HEADER = "# Contract file: replaced by updates.\n"
CORE_LINE = "WAVES = 2  # added by the newer contract"
README_LINE = "It was made by a template that learns."
MAKE_HELP = "build the container image"
BACKEND_LINE = "# This line is new in the newer template."
CONTRACT_BULLET = "- S3: the pings have become quieter."
NEW, DROPPED, RENAMED = (
    "competitor/core/waves.py",
    "tests/contract/test_many_streams.py",
    "competitor/checks/commands/ask.py",
)
NEW_SHARED, DROPPED_SHARED = "SUPPORT.md", ".github/dependabot.yml"


def version() -> str:
    found: str = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
    return found


def next_version() -> str:
    major, minor, _ = version().split(".")
    return f"{major}.{int(minor) + 1}.0"


def contract() -> str:
    """The version of the contract in the working tree."""
    return str(json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["_contract_version"])


def next_contract() -> str:
    major, minor, _ = contract().split(".")
    return f"{major}.{int(minor) + 1}.0"


def releases(repo: Path, home: Path) -> Path:
    """Makes a git repository with two releases: the working tree and a newer version. Returns its path."""
    copy_template(repo)
    git("init", "-q", "-b", "main", cwd=repo, home=home)
    release(repo, home, version())
    change(repo, next_version())
    release(repo, home, next_version())
    return repo


def release(repo: Path, home: Path, name: str) -> None:
    git("add", "-A", cwd=repo, home=home)
    git("commit", "-qm", name, cwd=repo, home=home)
    git("tag", f"v{name}", cwd=repo, home=home)


def change(template: Path, new_version: str) -> None:
    """Makes the changes of the newer version in this copy of the template."""
    core = template / UNBAKED.name
    for path in (core / "competitor/core/__init__.py", template / "cookiecutter.json", core / "CONTRACT.md"):
        _edit(path, rf"\b{re.escape(contract())}\b", next_contract())
    _edit(template / "cookiecutter.json", r'("_template_version": )"[\d.]+"', rf'\1"{new_version}"')
    title = f"## [{new_version}] - 2027-01-01\n\n### Contract {next_contract()}"
    entry = f"{title}\n\n{CONTRACT_BULLET}\n\n### Added\n\n- Waves.\n\n"
    _edit(template / "CHANGELOG.md", r"(?=^## \[)", entry)
    _append(core / "competitor/core/answer/admission.py", CORE_LINE)
    (core / NEW).write_text(f'"""Waves."""\n{HEADER}', encoding="utf-8")
    (core / DROPPED).unlink()
    (core / RENAMED).rename(core / "competitor/checks/commands/asking.py")
    _edit(
        core / "competitor/__main__.py", r"from \.checks\.commands\.ask import", "from .checks.commands.asking import"
    )
    (core / NEW_SHARED).write_text("# How to report a vulnerability\n\nBy mail.\n", encoding="utf-8")
    (core / DROPPED_SHARED).rename(core / ".github/dependabot.yaml")
    _edit(core / "requirements.in", r"python-dotenv>=[\d.]+", "python-dotenv>=1.0")
    _edit(core / "README.md", r"^(## Settings)$", rf"{README_LINE}\n\n\1")
    _edit(core / "pyproject.toml", r"^(\[tool\.mypy\]\n)", r"\1warn_unreachable = false\n")
    _edit(core / "Makefile", r"## build the container$", f"## {MAKE_HELP}")
    _edit(core / ".github/workflows/ci.yml", r"timeout-minutes: 20", "timeout-minutes: 25")
    _edit(core / "Dockerfile", r"(?=^STOPSIGNAL)", "# The arena asks politely first.\n")
    _append(core / "compose.yaml", "# The end.")
    _append(core / ".env.example", "# The end.")
    _append(core / "CHANGELOG.md", "- Of the newer template.")
    for agent in template.glob(f"templates_variants/*/{core.name}/competitor/backend/agent.py"):
        _append(agent, BACKEND_LINE)


def _edit(path: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, path.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert count, f"{path} has no {pattern}"
    path.write_text(changed, encoding="utf-8")


def _append(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")
