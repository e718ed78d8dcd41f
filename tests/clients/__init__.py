"""Clients of other people, in front of generated repos: `make test-clients` installs and runs them, as a matrix."""
