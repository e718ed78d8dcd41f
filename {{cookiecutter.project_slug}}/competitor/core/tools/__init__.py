"""Tools: functions that a model may call, and how a backend runs them."""
# Contract file: replaced by updates.
