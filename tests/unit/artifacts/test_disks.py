"""Tests five real faults of a disk: each gives a clear error, and nothing of the artifact is left.

As root, the test mounts a full and a read-only file system. An ordinary user cannot mount anything. For such a user, a
limit on the file size and a folder without write permission cause the same errors.
"""

import asyncio
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from competitor.checks.target import Target
from competitor.core.errors import ArtifactError

from ...scripted import SCRIPTED
from .conftest import processes
from .shelves import Clock, keeper, kept_files, saved


def _can_mount(folder: Path) -> bool:
    folder.mkdir(exist_ok=True)
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True).returncode:
        return False
    subprocess.run(["umount", folder], check=True)
    return True


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", *options, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def full_disk(tmp_path: Path) -> Iterator[Path]:
    if _can_mount(tmp_path / "try"):
        with mounted(tmp_path / "full", "-t", "tmpfs", "-o", "size=64k", "none") as folder:
            yield folder
        return
    before, handled = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    try:
        yield tmp_path / "limited"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)


@contextmanager
def no_inodes(tmp_path: Path) -> Iterator[Path]:
    if _can_mount(tmp_path / "try"):
        with mounted(tmp_path / "inodes", "-t", "tmpfs", "-o", "nr_inodes=4", "none") as folder:
            yield folder
        return
    with full_disk(tmp_path) as folder:
        yield folder


@contextmanager
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "read-only"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / "key").write_bytes(b"k" * 32)
    if _can_mount(tmp_path / "try"):
        with mounted(folder, "--bind", str(folder)):
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
            yield folder
        return
    (folder / "artifacts").chmod(0o500)
    yield folder
    (folder / "artifacts").chmod(0o700)


@contextmanager
def a_file_in_its_place(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "taken").write_text("not a folder")
    yield tmp_path / "taken"


@contextmanager
def a_removed_folder(tmp_path: Path) -> Iterator[Path]:
    """A link to a disk that no longer exists."""
    (tmp_path / "gone").symlink_to(tmp_path / "unplugged")
    yield tmp_path / "gone"


DISKS = {
    "full": (full_disk, "disk_full"),
    "without room for another file": (no_inodes, "disk_full"),
    "read-only": (read_only_disk, "read_only"),
    "a file in its place": (a_file_in_its_place, "unavailable"),
    "no longer there": (a_removed_folder, "unavailable"),
}


@pytest.mark.torture("C", "disk errors, in the artifact store and during an answer")
@pytest.mark.parametrize("disk", DISKS)
def test_a_bad_disk_is_a_clear_error_and_leaves_nothing(disk: str, tmp_path: Path) -> None:
    broken, kind = DISKS[disk]

    async def run(folder: Path) -> None:
        shelf = keeper(folder, Clock())
        with pytest.raises(ArtifactError) as failed:
            for _ in range(8):
                await saved(shelf, os.urandom(100_000))
        assert failed.value.kind == kind, failed.value.detail
        assert str(failed.value).startswith("The file a.bin could not be saved: ")
        assert str(folder) not in str(failed.value)

    with broken(tmp_path) as folder:
        asyncio.run(run(folder))
        if (folder / "artifacts").is_dir():
            assert not [name for name in kept_files(folder) if "#" in name]


@pytest.mark.torture("C", "disk errors, in the artifact store and during an answer")
@pytest.mark.parametrize("disk", DISKS)
def test_a_bad_disk_affects_one_artifact_and_never_the_stream(disk: str, tmp_path: Path) -> None:
    """Inline artifacts need no disk. A large one is replaced by a sentence, and the answer still ends correctly."""
    broken, _ = DISKS[disk]
    with (
        broken(tmp_path) as folder,
        processes.competitor({"JANUS_ARTIFACTS_DIR": str(folder)}, *SCRIPTED) as (url, _),
    ):
        target = Target(url)
        assert "That was all." in target.stream("artifact 100000 small.png").text
        stream = target.stream("artifact 5000000 large.png")
        if stream.text.endswith("That was all."):  # without room for files this one took the last
            stream = target.stream("artifact 5000001 large.png")
        assert stream.text.startswith("Here it is:")
        assert "The file large.png could not be saved: " in stream.text
        assert stream.finish_reasons == ["stop"]
        assert stream.done
        whole = target.ask("artifact 5000002 large.png").json()["choices"][0]["message"]
        assert "The file large.png could not be saved: " in whole["content"]
        assert whole["artifacts"] == []
        assert target.get("/health").status == 200
