"""The checks: one file for each section of CONTRACT.md, one function for each clause."""
# Contract file: replaced by updates.
