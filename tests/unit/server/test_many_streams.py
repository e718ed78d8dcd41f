"""Tests 200 streams at once on the core, and their memory. The generated repo tests the same with its own backend."""

from pathlib import Path

from competitor.checks import Upstream

from ..servers import SCRIPTED, linux_only, many_streams

MAX_KIB_A_STREAM = 60


@linux_only
def test_200_streams_at_once(upstream: Upstream, baked: Path) -> None:
    used = many_streams.kib_a_stream(upstream, *SCRIPTED, cwd=baked)
    assert used <= MAX_KIB_A_STREAM, f"{used:.0f} KiB a stream"
