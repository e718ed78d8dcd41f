"""Limits the memory that the console uses for all requests. Above the limit, requests are kept only in part."""
# Contract file: replaced by updates.

import threading


class Budget:
    """Counts bytes in use. The event loop takes bytes; the thread that writes files gives them back."""

    def __init__(self, most_bytes: int):
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.held = 0

    def take(self, size: int) -> bool:
        """Takes `size` from the budget. Returns False, and takes nothing, if too little is left."""
        with self._lock:
            if self.held + size > self._most_bytes:
                return False
            self.held += size
            return True

    def give(self, size: int) -> None:
        with self._lock:
            self.held -= size
