"""A Janus competitor: `backend` is yours, `core` and `conformance` are the contract's."""
# Contract file: replaced by updates.
