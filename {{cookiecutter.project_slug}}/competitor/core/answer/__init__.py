"""The answer to a chat request: the endpoint, the run of the backend, and the rules for what a backend yields."""
# Contract file: replaced by updates.
