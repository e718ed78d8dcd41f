"""The documentation site: the Markdown of the template, and of a generated repo, as one site."""
