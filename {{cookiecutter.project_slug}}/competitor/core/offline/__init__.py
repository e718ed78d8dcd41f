"""The offline model: answers in OpenAI's format without a key or a network, and is deterministic.
Contract file: replaced by updates.

It serves where no upstream can (E9), so that a fresh competitor streams, a workshop works in a
room without a network, and tests need nobody. It is no language model and says so.
"""

from .server import OfflineServer

__all__ = ["OfflineServer"]
