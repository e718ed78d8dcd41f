"""The offline model: answers in OpenAI's format without a key or a network, and is deterministic.
Contract file: replaced by updates.

It answers when no upstream can (E9). So a new competitor streams at once, a workshop works without a network, and
tests need no other server. It is not a language model and says so in its answers.
"""

from .server import OfflineServer

__all__ = ["OfflineServer"]
