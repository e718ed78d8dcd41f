"""The workshop's scoreboard: eight steps from a new repo to a submission, each with a check whether it is done."""
# Contract file: replaced by updates.
