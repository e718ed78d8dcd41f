"""Artifacts (section 6), files that a backend makes for its user: how they are saved, stored and fetched.
Contract file: replaced by updates.

save.py        `chat.artifacts.save(...)`: inline as a `data:` URL, or stored and linked
keeper.py      stores bytes until they expire, within the limits
store.py       a folder, or a bucket that all replicas share
links.py       ids that contain their expiry time and cannot be forged
routes.py      serves stored artifacts (E7)
"""
