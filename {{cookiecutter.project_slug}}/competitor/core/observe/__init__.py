"""What an operator sees: metrics, logs and traces."""
# Contract file: replaced by updates.
