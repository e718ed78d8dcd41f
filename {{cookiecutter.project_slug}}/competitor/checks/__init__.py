"""The contract's checks: clauses with their cases. They use only HTTP, so they can check any server."""
# Contract file: replaced by updates.

from . import clauses  # noqa: F401 - importing it registers all cases
from .prompts import PROMPTS, stand_in
from .registry import CASES, CLAUSES, NOT_FROM_OUTSIDE, Case, Clause
from .responses import Failed, NotShown
from .target import Target, Upstream

CONTRACT_VERSION = "1.1.0"  # the version of CONTRACT.md that these checks follow
VERSION = "0.4.0"  # of the template that these checks belong to

__all__ = [
    "CASES", "CLAUSES", "CONTRACT_VERSION", "NOT_FROM_OUTSIDE", "PROMPTS", "VERSION", "Case", "Clause", "Failed",
    "NotShown", "Target", "Upstream", "stand_in",
]  # fmt: skip
