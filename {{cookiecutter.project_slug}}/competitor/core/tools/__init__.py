"""Tools: functions that a model calls, and how a backend runs them."""
# Contract file: replaced by updates.
