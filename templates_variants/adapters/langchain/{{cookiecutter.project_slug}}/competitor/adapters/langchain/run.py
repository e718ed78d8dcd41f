"""The run of one answer in LangChain: what all adapters share, and what the middleware notes between two turns."""
# Contract file: replaced by updates.

from dataclasses import dataclass, field

from ..shared import Run, current


@dataclass
class LangChainRun(Run):
    """The run of one answer that `stream` has started."""

    handed_back: bool = False  # the client got calls of its tools and must answer next
    unreadable: dict[str, str] = field(default_factory=dict)  # call id -> arguments that are not JSON


def handed_back() -> bool:
    """Whether the client has got calls of its tools in this run, and must answer next. A graph should end then."""
    return bool(getattr(current(), "handed_back", False))
