# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""Outbound HTTP: the client, its responses, and the egress rules."""
