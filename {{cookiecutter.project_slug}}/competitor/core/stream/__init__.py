# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The stream: its chunks as bytes, and when they are written."""
