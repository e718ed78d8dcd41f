"""The workshop's scoreboard: eight steps from a new repo to a submission. Each has a check that shows if it is done."""
# Contract file: replaced by updates.
