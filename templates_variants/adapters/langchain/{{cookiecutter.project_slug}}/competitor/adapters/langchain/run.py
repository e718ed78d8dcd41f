"""The run of one answer in LangChain: what all adapters share, and what the middleware notes between two turns."""
# Contract file: replaced by updates.

from dataclasses import dataclass, field

from ..shared import Run


@dataclass
class LangChainRun(Run):
    """The run of one answer that `stream` has started."""

    handed_back: bool = False  # the client got calls of its tools and must answer next
    unreadable: dict[str, str] = field(default_factory=dict)  # call id -> arguments that are not JSON
