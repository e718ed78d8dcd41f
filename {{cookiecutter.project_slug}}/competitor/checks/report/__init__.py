"""Reports of the results: for the terminal, as HTML, as JSON and as JUnit XML."""
# Contract file: replaced by updates.
