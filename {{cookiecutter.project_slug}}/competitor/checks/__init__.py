"""The contract's checks, one function for each clause. They use only HTTP, so they fit servers in any language."""
# Contract file: replaced by updates.

from .clauses import (
    artifact_links,
    artifacts,
    egress,
    endpoints,
    operations,
    requests,
    stream,
    timing,
    usage,
    whole_response,
)
from .prompts import PROMPTS, stand_in
from .registry import CLAUSES, NOT_FROM_OUTSIDE, Clause, in_order
from .target import Failed, NotShown, Target, Upstream

CONTRACT_VERSION = "1.0.0"  # the version of CONTRACT.md that these checks follow

__all__ = [
    "CLAUSES",
    "CONTRACT_VERSION",
    "NOT_FROM_OUTSIDE",
    "PROMPTS",
    "Clause",
    "Failed",
    "NotShown",
    "Target",
    "Upstream",
    "stand_in",
]
_ = (
    artifact_links,
    artifacts,
    egress,
    endpoints,
    operations,
    requests,
    stream,
    timing,
    usage,
    whole_response,
)  # importing these modules registers their checks
in_order()
