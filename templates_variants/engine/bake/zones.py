"""Says who owns each file of a generated repo. This is the only list; the hook records it in `.janus/contract.json`.

- contract: the file belongs to the template. An update replaces it, and `competitor verify` reports it if it was
  edited. The second line of a contract file is "Contract file: replaced by updates."; in `docs/`, this is an HTML
  comment below the heading. CONTRACT.md has no such line.
- owner: the file is made once, and an update never changes it.
- shared: the template and the owner change the file. An update merges their changes; the base is in `.janus/base.json`.
- derived: `make lock` makes the file. It is never merged.
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
    ("docs/cookbook.md", "contract"),
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
