"""The Janus contract as code: HTTP, streaming, errors, limits. It never imports a backend but in `loading.py`."""
# Contract file: replaced by updates.

CONTRACT_VERSION = "1.0.0"
