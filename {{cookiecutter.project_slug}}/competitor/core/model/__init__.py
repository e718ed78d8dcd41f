"""The model: one completion of an upstream, from the prompt to the chunks."""
# Contract file: replaced by updates.
