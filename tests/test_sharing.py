"""Tests that each folder shared by pytest-xdist's workers is made once, and that workers run long tests first."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .once import of_this_run, once
from .order import pytest_long_ones_first


def test_a_folder_that_many_ask_for_at_once_is_made_once(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    assert of_this_run(request) in tmp_path.parents  # create it before eight threads ask for it
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "file").write_text("whole", encoding="utf-8")

    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: once(request, "asked-for-at-once", make), range(8)))
    assert len(set(folders)) == len(made) == 1
    assert (folders[0] / "file").read_text(encoding="utf-8") == "whole"


def test_a_folder_that_could_not_be_made_is_made_again_from_the_beginning(request: pytest.FixtureRequest) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        once(request, "failed", fail)
    assert list(once(request, "failed", lambda folder: (folder / "whole").touch()).iterdir()) == [
        once(request, "failed", fail) / "whole"
    ]


@dataclass(frozen=True)
class Item:
    nodeid: str

    def get_closest_marker(self, name: str) -> str | None:
        return name if "long" in self.nodeid else None


def ordered(names: list[str], workers: int) -> list[str]:
    items: Any = [Item(name) for name in names]
    config: Any = SimpleNamespace(workerinput={"workercount": workers})
    pytest_long_ones_first(config, items)
    return [item.nodeid for item in items]


SHORT = [f"a.py::{number}" for number in range(6)]
LONG = ["b.py::long 1", "c.py::long 2", "b.py::long 3"]


def test_each_worker_s_part_begins_with_the_long_tests_of_a_file() -> None:
    first, second = ["b.py::long 1", "b.py::long 3", *SHORT[:2]], ["c.py::long 2", *SHORT[2:]]
    assert ordered([*SHORT, *LONG], 2) == first + second


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 20])
def test_no_test_is_lost_or_run_twice(workers: int) -> None:
    assert sorted(ordered([*SHORT, *LONG], workers)) == sorted([*SHORT, *LONG])
    assert sorted(ordered(LONG, workers)) == sorted(LONG)
