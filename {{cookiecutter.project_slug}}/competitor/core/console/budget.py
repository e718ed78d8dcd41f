"""What the console may hold in memory, all requests together: beyond it they are kept in part."""
# Contract file: replaced by updates.

import threading


class Budget:
    """Taken from by the event loop, given back by the thread that writes the files."""

    def __init__(self, most_bytes: int):
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.held = 0

    def take(self, size: int) -> bool:
        """False where there is no room for so much; then nothing was taken."""
        with self._lock:
            if self.held + size > self._most_bytes:
                return False
            self.held += size
            return True

    def give(self, size: int) -> None:
        with self._lock:
            self.held -= size
