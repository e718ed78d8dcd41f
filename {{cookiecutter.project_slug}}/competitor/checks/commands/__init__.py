"""The commands that use the checks: check, ask, arena, and verify of janus-check."""
# Contract file: replaced by updates.
