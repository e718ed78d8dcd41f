"""Checks the submission form (section 9 of CONTRACT.md), and the reviewers' checklist as far as possible."""
# Contract file: replaced by updates.
