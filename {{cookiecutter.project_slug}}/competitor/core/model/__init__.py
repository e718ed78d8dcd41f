# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The model: one completion of an upstream, from the prompt to the chunks."""
