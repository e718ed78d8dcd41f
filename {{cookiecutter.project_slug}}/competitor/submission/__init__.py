# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The submission form (section 9 of CONTRACT.md), and the reviewers' checklist as far as a machine can."""
