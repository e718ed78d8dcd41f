"""Media: images as PNG files that fit into an answer (A6), and sound."""
# Contract file: replaced by updates.
