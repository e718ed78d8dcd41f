# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The workshop's scoreboard: eight steps from a fresh bake to a submission, each with a check that says done."""
