"""Runs the longest tests first, so that no worker of pytest-xdist still runs one when the others have finished."""

import pytest


@pytest.hookimpl(specname="pytest_collection_modifyitems", trylast=True)
def pytest_long_ones_first(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Moves long tests to the beginning of each worker's part of the list.

    Each worker gets one contiguous part, and later takes tests from the end of another worker's part (`worksteal`).
    """
    workers: int = getattr(config, "workerinput", {}).get("workercount", 1)
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("long"):
            files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    others = [item for item in items if not item.get_closest_marker("long")]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        size = (len(items) - len(ordered)) // (workers - worker)
        of_files = list(files.values())[
            worker::workers
        ]  # long tests of one file stay together, because they share fixtures
        part = [item for file in of_files for item in file]
        rest = max(0, size - len(part))
        ordered += part + others[:rest]
        del others[:rest]
    items[:] = ordered + others
