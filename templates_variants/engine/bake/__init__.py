"""Bakes a repo: checks the answers, puts the chosen backend in, records what was made."""
