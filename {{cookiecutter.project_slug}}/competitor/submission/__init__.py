"""The submission form (section 9 of CONTRACT.md), and the reviewers' checklist as far as a machine can."""
# Contract file: replaced by updates.
