# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""An answer: the chat endpoint, the backend that runs behind it, and the rules for what it yields."""
