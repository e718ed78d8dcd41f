"""Whose file is whose in a generated repo. Stated here once; the hook records it in `.janus/contract.json`.

- contract: the template's. An update replaces them, and `competitor verify` names an edited one. Their second line
  says so: in Python "Contract file: replaced by updates.", in the Markdown of `docs/` the same in an HTML comment below
  the heading. CONTRACT.md is recognised by its name.
- owner: made once and never touched again.
- shared: both write in them; an update merges, with the base in `.janus/base.json`.
- derived: made by `make lock`, never merged.
"""

from fnmatch import fnmatchcase
from typing import Literal

Zone = Literal["contract", "owner", "shared", "derived"]

# The first pattern that matches counts.
PATTERNS: tuple[tuple[str, Zone], ...] = (
    ("competitor/backend/*", "owner"),
    ("competitor/*", "contract"),
    ("tests/contract/*", "contract"),
    ("tests/__init__.py", "contract"),
    ("tests/*", "owner"),
    ("CONTRACT.md", "contract"),
    # By name: owners may add pages of their own.
    ("docs/README.md", "contract"),
    ("docs/backend.md", "contract"),
    ("docs/operating.md", "contract"),
    ("docs/settings.md", "contract"),
    ("docs/updating.md", "contract"),
    ("submission.yaml", "owner"),
    ("LICENSE", "owner"),
    ("CHANGELOG.md", "owner"),
    ("requirements.txt", "derived"),
    ("requirements-dev.txt", "derived"),
    ("*", "shared"),
)


def zone_of(path: str) -> Zone:
    """The zone of a file; `path` is relative to the repo, with forward slashes."""
    return next(zone for pattern, zone in PATTERNS if fnmatchcase(path, pattern))


def lines() -> list[str]:
    """The patterns in their order, as `ZONE PATTERN`: what `.janus/contract.json` and `contract-lock.json` record."""
    return [f"{zone} {pattern}" for pattern, zone in PATTERNS]
