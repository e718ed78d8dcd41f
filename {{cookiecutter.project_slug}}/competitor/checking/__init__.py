# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""`competitor check`: the contract's checks against any running server, and what there is to read of them."""
