# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""Tools: functions that a model calls, and how a backend runs them."""
