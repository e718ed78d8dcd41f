"""Mutants, one file for each section of the contract: each is a correct server with one fault. See registry.py."""

from . import (
    artifacts,
    blind_three,
    blind_two,
    egress,
    endpoints,
    janus_events,
    numbers,
    requests,
    requests_read,
    services,
    stream,
    stream_ends,
    stream_kinds,
    usage,
    whole_response,
)
from .registry import MUTANTS, Mutant

__all__ = [
    "MUTANTS",
    "Mutant",
    "artifacts",
    "blind_three",
    "blind_two",
    "egress",
    "endpoints",
    "janus_events",
    "numbers",
    "requests",
    "requests_read",
    "services",
    "stream",
    "stream_ends",
    "stream_kinds",
    "usage",
    "whole_response",
]
