"""Helpers for tests that start servers: types, conditions, and how to wait for something."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pytest

from competitor.checks import Target, Upstream

from ..scripted import SCRIPTED as SCRIPTED
from ..template_path import contract_tests

processes, many_streams = contract_tests("processes"), contract_tests("test_many_streams")
Lateness = contract_tests("lateness").Lateness
PATIENCE_SECONDS: float = processes.PATIENCE_SECONDS
wait_for: Callable[..., None] = many_streams.wait_for
rss_kib: Callable[[int], int] = many_streams.rss_kib
Running = AbstractContextManager[tuple[str, int]]
posix_only = pytest.mark.skipif(os.name != "posix", reason="signals and /proc are POSIX's")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


class Launch(Protocol):
    def __call__(self, environment: Mapping[str, str], *command: str) -> Target: ...


class Serve(Protocol):
    def __call__(self, environment: Mapping[str, str], *command: str, log: Path | None = None) -> Running: ...


def upstream_of(upstream: Upstream) -> dict[str, str]:
    return {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}


def children(pid: int) -> list[int]:
    """The processes that serve, without the helper process that multiprocessing starts."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
