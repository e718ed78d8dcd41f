"""The debug console (E5, E6) shows the last requests, with the time of each event. If it is off, it has no routes."""
# Contract file: replaced by updates.

from .console import Console
from .recorder import RecordedWriter, Recorder
from .routes import add_console_routes

__all__ = ["Console", "RecordedWriter", "Recorder", "add_console_routes"]
