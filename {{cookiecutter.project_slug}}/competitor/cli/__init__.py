"""Commands of one repo: run and test it, lock it, verify it, update it. `competitor/__main__.py` parses them."""
# Contract file: replaced by updates.
