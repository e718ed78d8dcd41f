# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""A Janus competitor: `backend` is yours, `core` and `conformance` are the contract's."""
