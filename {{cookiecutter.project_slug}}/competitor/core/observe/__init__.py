"""What an operator can observe: metrics, logs and traces."""
# Contract file: replaced by updates.
