"""Cases of the contract that the core does not keep yet. A release has none; between releases, each has its reason."""
# Contract file: replaced by updates.

KNOWN_GAPS: dict[str, str] = {
    "R9/4": "a vendor's fields on a tool call are dropped from the history",
    "R9/5": "JANUS_LLM_REASONING_BACK is not read",
    "R9/6": "a vendor's fields on a tool call of the upstream are dropped",
}
