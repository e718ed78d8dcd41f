"""Cases of the contract that the core does not keep yet. A release has none; between releases, each has its reason."""
# Contract file: replaced by updates.

KNOWN_GAPS: dict[str, str] = {}
