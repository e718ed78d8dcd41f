"""A Janus competitor: `backend` belongs to you; updates replace everything else, which belongs to the template."""
# Contract file: replaced by updates.
