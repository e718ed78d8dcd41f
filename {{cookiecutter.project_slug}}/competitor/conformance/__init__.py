# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The contract's checks: one function a clause, speaking only HTTP, for any server in any language."""

from . import egress, endpoints, requests, stream, usage, whole
from .registry import CLAUSES, Clause
from .target import Failed, NotShown, Target, Upstream

__all__ = ["CLAUSES", "Clause", "Failed", "NotShown", "Target", "Upstream"]
_ = (egress, endpoints, requests, stream, usage, whole)  # imported so that they enter their checks
