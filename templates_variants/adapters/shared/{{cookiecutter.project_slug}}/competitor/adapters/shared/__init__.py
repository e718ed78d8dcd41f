"""What the adapters of all frameworks share: the run of one answer, and tools that check their own arguments.
Contract file: replaced by updates.
"""

from .run import LAST_WORDS, MAX_OUTPUT_BYTES, MAX_TURNS, Budget, Run, current
from .tools import called, self_checking

__all__ = ["LAST_WORDS", "MAX_OUTPUT_BYTES", "MAX_TURNS", "Budget", "Run", "called", "current", "self_checking"]
