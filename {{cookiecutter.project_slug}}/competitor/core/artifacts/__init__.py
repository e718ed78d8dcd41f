"""Artifacts (section 6): files that a backend makes for its user, from saving to fetching.
Contract file: replaced by updates.

save.py        `chat.artifacts.save(...)`: inline as a `data:` URL, or kept and linked
keeper.py      keeps bytes until they expire, within the limits
store.py       a folder, or a bucket that all replicas share
links.py       ids that hold their own expiry and cannot be forged
routes.py      how they are fetched (E7)
"""
