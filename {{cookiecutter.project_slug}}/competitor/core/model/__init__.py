"""The model: one call of an upstream, from the prompt to the chunks of its answer."""
# Contract file: replaced by updates.
