"""Commands for this repo: run, test, lock, verify and update it. `competitor/__main__.py` parses their arguments."""
# Contract file: replaced by updates.
