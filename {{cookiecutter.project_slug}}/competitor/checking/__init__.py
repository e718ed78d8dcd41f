"""`competitor check`: the contract's checks against any running server, and what there is to read of them."""
# Contract file: replaced by updates.
