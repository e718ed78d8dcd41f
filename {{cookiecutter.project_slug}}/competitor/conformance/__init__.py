# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The contract's checks: one function a clause, speaking only HTTP, for any server in any language."""

from . import egress, endpoints, inside, numbers, requests, stream, usage, whole
from .provoking import PROMPTS, stand_in
from .registry import CLAUSES, NOT_FROM_OUTSIDE, Clause
from .target import Failed, NotShown, Target, Upstream

__all__ = ["CLAUSES", "NOT_FROM_OUTSIDE", "PROMPTS", "Clause", "Failed", "NotShown", "Target", "Upstream", "stand_in"]
_ = (egress, endpoints, inside, numbers, requests, stream, usage, whole)  # imported so that they enter their checks
