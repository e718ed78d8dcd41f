"""An answer: the chat endpoint, the backend that runs behind it, and the rules for what it yields."""
# Contract file: replaced by updates.
