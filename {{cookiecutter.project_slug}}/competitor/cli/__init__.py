# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The command line: `python -m competitor`."""
