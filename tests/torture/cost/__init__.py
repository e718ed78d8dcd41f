"""Searches for requests that cost much: processor time of the event loop, and memory (line J)."""
