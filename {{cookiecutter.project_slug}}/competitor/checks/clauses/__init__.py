# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The checks of the clauses: a file for each section of CONTRACT.md, a function for each clause."""
