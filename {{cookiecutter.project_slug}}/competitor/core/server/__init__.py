# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The server: the application, its processes, and the HTTP/1.1 connection."""
