"""The contract's checks, one function for each clause. They use only HTTP, so they can check any server."""
# Contract file: replaced by updates.

from . import clauses  # noqa: F401 - importing it registers all checks
from .prompts import PROMPTS, stand_in
from .registry import CLAUSES, NOT_FROM_OUTSIDE, Clause
from .target import Failed, NotShown, Target, Upstream

CONTRACT_VERSION = "1.0.0"  # the version of CONTRACT.md that these checks follow

__all__ = [
    "CLAUSES", "CONTRACT_VERSION", "NOT_FROM_OUTSIDE", "PROMPTS", "Clause", "Failed", "NotShown", "Target", "Upstream",
    "stand_in",
]  # fmt: skip
