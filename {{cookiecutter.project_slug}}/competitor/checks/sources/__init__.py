"""What cases look at: the answers of a server, and what its upstream gets."""
# Contract file: replaced by updates.
