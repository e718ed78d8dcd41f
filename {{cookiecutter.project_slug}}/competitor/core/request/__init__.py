# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""A request: its schema, how its body is parsed, and the errors that refuse it."""
