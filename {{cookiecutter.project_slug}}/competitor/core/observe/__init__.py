# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""What an operator sees: metrics, logs and traces."""
