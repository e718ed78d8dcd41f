"""The stream: its chunks as bytes, and when they are sent."""
# Contract file: replaced by updates.
