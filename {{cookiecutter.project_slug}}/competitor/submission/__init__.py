"""Checks the submission form (section 9 of CONTRACT.md), and what can be automated of the reviewers' checklist."""
# Contract file: replaced by updates.
