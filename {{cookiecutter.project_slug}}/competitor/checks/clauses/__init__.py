"""The checks of the clauses: a file for each section of CONTRACT.md, a function for each clause."""
# Contract file: replaced by updates.
