"""Adapters: each connects a framework, such as LangChain, to the core. A variant has the adapters that it uses.
Contract file: replaced by updates.

The core imports each adapter before the backend, so that the adapter can set up its framework. An adapter may import
only `competitor.api` from this repo.
"""
