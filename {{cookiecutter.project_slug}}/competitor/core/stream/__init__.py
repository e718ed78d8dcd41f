"""The stream: its chunks as bytes, and when they are written."""
# Contract file: replaced by updates.
