"""Adapters: what lets a framework speak through the core. A variant brings those that it uses.
Contract file: replaced by updates.

An adapter is imported before the backend, so that it can set up its framework. It may use `competitor.api` and
nothing else of this repo.
"""
