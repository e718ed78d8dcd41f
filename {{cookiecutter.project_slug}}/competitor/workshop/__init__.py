"""The workshop's scoreboard: eight steps from a fresh bake to a submission, each with a check that says done."""
# Contract file: replaced by updates.
