"""A request: its schema, how its body is parsed, and how a bad one is refused."""
# Contract file: replaced by updates.
