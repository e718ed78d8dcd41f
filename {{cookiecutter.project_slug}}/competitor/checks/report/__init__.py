# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The results of a run: for the terminal, as HTML, as JSON and as JUnit XML."""
