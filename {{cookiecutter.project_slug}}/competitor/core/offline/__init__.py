# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The offline model: it answers on OpenAI's wire without a key and without a network, always the same to the same.

It serves where no upstream can (E9), so that a fresh competitor streams, a workshop works in a
room without a network, and tests need nobody. It is no language model and says so.
"""

from .server import OfflineServer

__all__ = ["OfflineServer"]
