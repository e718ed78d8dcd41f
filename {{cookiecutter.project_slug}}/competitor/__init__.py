"""A Janus competitor: `backend` belongs to you; everything else belongs to the template, which updates replace."""
# Contract file: replaced by updates.
