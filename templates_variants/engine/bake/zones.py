"""Says who owns each file of a generated repo. This is the only list; the hook records it in `.janus/contract.json`.

- contract: belongs to the template. An update replaces it, and `competitor verify` names it if it was edited. Its
      second line says so: in Python "Contract file: replaced by updates.", in `docs/` the same in an HTML comment below
  the heading. CONTRACT.md is recognised by its name.
- owner: made once, and never changed by an update.
- shared: both edit it; an update merges, with the base in `.janus/base.json`.
- derived: made by `make lock`, never merged.
"""

from fnmatch import fnmatchcase
from typing import Literal

Zone = Literal["contract", "owner", "shared", "derived"]

# The first matching pattern decides.
PATTERNS: tuple[tuple[str, Zone], ...] = (
    ("competitor/backend/*", "owner"),
    ("competitor/*", "contract"),
    ("tests/contract/*", "contract"),
    ("tests/__init__.py", "contract"),
    ("tests/*", "owner"),
    ("CONTRACT.md", "contract"),
    # Listed by name, because owners may add pages of their own.
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
    """The zone of a file. `path` is relative to the repo, with forward slashes."""
    return next(zone for pattern, zone in PATTERNS if fnmatchcase(path, pattern))


def lines() -> list[str]:
    """The patterns in order, as `ZONE PATTERN`, for `.janus/contract.json` and `contract-lock.json`."""
    return [f"{zone} {pattern}" for pattern, zone in PATTERNS]
