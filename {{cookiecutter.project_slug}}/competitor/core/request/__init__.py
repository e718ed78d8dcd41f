"""A request: its schema, how its body is parsed, and the errors that refuse it."""
# Contract file: replaced by updates.
