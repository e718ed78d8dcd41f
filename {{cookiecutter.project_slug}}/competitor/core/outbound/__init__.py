"""Outbound HTTP: the client, its responses, and the egress rules."""
# Contract file: replaced by updates.
