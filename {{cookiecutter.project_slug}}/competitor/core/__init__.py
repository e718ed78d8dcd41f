# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""The Janus contract as code: HTTP, streaming, errors, limits. It never imports a backend but in `loading.py`."""

CONTRACT_VERSION = "1.0.0"
