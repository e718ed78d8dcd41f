"""The server: the HTTP application, its processes, and the HTTP/1.1 connection."""
# Contract file: replaced by updates.
