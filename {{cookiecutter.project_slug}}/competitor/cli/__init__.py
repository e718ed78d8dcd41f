"""The command line: `python -m competitor`."""
# Contract file: replaced by updates.
