"""Tests that artifacts expire at the exact second, stay within the limits, and are stored completely or not at all."""

import asyncio
import hashlib
import random
import tempfile
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from competitor.core.artifacts.keeper import Keeper
from competitor.core.artifacts.links import PREFIX, Refused, Signer
from competitor.core.artifacts.places import folder
from competitor.core.artifacts.store import BLOCK_BYTES
from competitor.core.errors import ArtifactError
from competitor.core.settings import Settings

from .shelves import Clock, keeper, kept_files, read, saved

TTL = 3600


@pytest.mark.torture("C", "moments before and after a link expires")
@pytest.mark.parametrize(("after", "is_there"), [(0, True), (TTL - 1, True), (TTL, False), (TTL + 1, False)])
def test_an_artifact_exists_until_the_second_when_it_expires(tmp_path: Path, after: int, is_there: bool) -> None:
    async def run() -> None:
        clock = Clock()
        shelf = keeper(tmp_path, clock)
        made = await saved(shelf)
        clock.now += after
        if is_there:
            assert await read(shelf, made.id) == b"bytes"
        else:
            with pytest.raises(Refused) as refused:
                await shelf.find(made.id)
            assert refused.value.expired
        await shelf.sweep()
        assert kept_files(tmp_path) == ([made.id] if is_there else [])

    asyncio.run(run())


def test_expired_artifacts_of_an_earlier_process_are_deleted_by_the_next_one(tmp_path: Path) -> None:
    clock = Clock()
    asyncio.run(saved(keeper(tmp_path, clock)))
    clock.now += TTL
    assert len(kept_files(tmp_path)) == 1
    assert asyncio.run(keeper(tmp_path, clock).sweep()) is None
    assert kept_files(tmp_path) == []


def test_the_sweeper_knows_when_the_next_artifact_expires(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        shelf = keeper(tmp_path, clock)
        await saved(shelf)
        clock.now += 100
        await saved(shelf)
        assert await shelf.sweep() == clock.now - 100 + TTL

    asyncio.run(run())


def test_a_half_written_file_of_a_killed_process_is_never_served_and_expires(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        shelf = keeper(tmp_path, clock)
        made = await saved(shelf)
        half = tmp_path / "artifacts" / f"{made.id}#1"
        (tmp_path / "artifacts" / made.id).rename(half)
        with pytest.raises(Refused):
            await shelf.find(made.id)
        await shelf.sweep()
        assert half.exists()
        clock.now += TTL
        await shelf.sweep()
        assert not half.exists()

    asyncio.run(run())


def test_one_artifact_and_all_artifacts_together_have_a_maximum_size(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        room = 2 * (1000 + BLOCK_BYTES)
        limits = {"JANUS_ARTIFACT_BYTES": "1000", "JANUS_ARTIFACTS_TOTAL_BYTES": str(room)}
        shelf = keeper(tmp_path, clock, limits)
        with pytest.raises(ArtifactError, match=r"a\.bin could not be saved: it is larger than 1000 bytes"):
            await saved(shelf, b"x" * 1001)
        await saved(shelf, b"x" * 1000)
        await saved(shelf, b"x" * 1000)
        with pytest.raises(ArtifactError, match="the stored files would then exceed the maximum total size") as full:
            await saved(shelf, b"x")
        assert full.value.kind == "store_full"
        assert len(kept_files(tmp_path)) == 2
        clock.now += TTL  # an expired artifact makes room even before it is deleted
        await saved(shelf, b"x" * 1000)
        assert len(kept_files(tmp_path)) == 1

    asyncio.run(run())


def test_concurrent_saves_do_not_exceed_the_maximum(tmp_path: Path) -> None:
    async def run() -> None:
        shelf = keeper(tmp_path, Clock(), {"JANUS_ARTIFACTS_TOTAL_BYTES": str(5 * (10_000 + BLOCK_BYTES))})
        made = await asyncio.gather(*(saved(shelf, b"x" * 10_000) for _ in range(20)), return_exceptions=True)
        assert sum(path.stat().st_size for path in (tmp_path / "artifacts").glob("art_*")) <= 5 * (10_000 + BLOCK_BYTES)
        refused = [one for one in made if isinstance(one, ArtifactError)]
        assert (len(refused), len(kept_files(tmp_path))) == (15, 5)

    asyncio.run(run())


@pytest.mark.torture("C", "forged links")
def test_no_forged_id_is_accepted(tmp_path: Path, record_property: Callable[[str, int], None]) -> None:
    """Tries a hundred forgeries: each character changed, other keys, other times, shortened ids, other alphabets."""

    async def run() -> None:
        clock = Clock()
        shelf = keeper(tmp_path, clock)
        made = (await saved(shelf)).id
        forged = {_changed(made, place) for place in range(len(made))}
        later = int(clock.now) + 10 * TTL
        forged |= {Signer(random.Random(seed).randbytes(32)).make(later) for seed in range(30)}
        forged |= {Signer(key).make(later) for key in (b"", b"\0" * 32, b"key", hashlib.sha256(b"").digest())}
        forged |= {made[:-1], made[:-8], made + "a", made + "=", made.upper(), made.removeprefix(PREFIX), "", PREFIX}
        forged |= {PREFIX + "a" * 48, PREFIX + "7" * 48, made + "\0", made + "\n", f" {made}", made.replace("_", "-")}
        assert len(forged) >= 100
        record_property("count", len(forged))
        for one in forged:
            with pytest.raises(Refused) as refused:
                await shelf.find(one)
            assert not refused.value.expired
        assert await read(shelf, made) == b"bytes"

    asyncio.run(run())


def _changed(id: str, place: int) -> str:
    other = "b" if id[place] != "b" else "c"
    return id[:place] + other + id[place + 1 :]


def test_the_signature_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every well-formed id is compared with `hmac.compare_digest`, whose time depends only on the length."""
    import hmac

    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    signer = Signer(b"k" * 32)
    good = signer.make(100)
    assert signer.check(good, 0) == 100
    with pytest.raises(Refused):
        signer.check(_changed(good, 30), 0)
    assert [len(one) for one, _ in compared] == [16, 16]


def test_links_made_with_a_configured_key_are_valid_for_every_keeper(tmp_path: Path) -> None:
    async def run() -> None:
        clock, key = Clock(), {"JANUS_ARTIFACT_KEY": "a long secret"}
        made = (await saved(keeper(tmp_path, clock, key))).id
        assert await read(keeper(tmp_path, clock, key), made) == b"bytes"
        with pytest.raises(Refused):
            await keeper(tmp_path, clock, {"JANUS_ARTIFACT_KEY": "another"}).find(made)
        assert not (tmp_path / "artifacts" / "key").exists()

    asyncio.run(run())


def _save_one(folder: str, done: "object") -> None:
    made = asyncio.run(saved(keeper(Path(folder), Clock()))).id
    done.put(made)  # type: ignore[attr-defined]


def test_no_other_user_can_read_the_key(tmp_path: Path) -> None:
    asyncio.run(saved(keeper(tmp_path, Clock())))
    assert (tmp_path / "artifacts" / "key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "artifacts").stat().st_mode & 0o077 == 0


def test_processes_that_start_at_the_same_time_use_one_key(tmp_path: Path) -> None:
    context = get_context("spawn")
    done = context.Queue()
    running = [context.Process(target=_save_one, args=(str(tmp_path), done)) for _ in range(4)]
    for process in running:
        process.start()
    made = [done.get(timeout=240) for _ in running]
    for process in running:
        process.join(240)
    shelf = keeper(tmp_path, Clock())

    async def run() -> None:
        for one in made:
            assert await read(shelf, one) == b"bytes"

    asyncio.run(run())
    assert (tmp_path / "artifacts" / "key").stat().st_size == 32


def test_only_one_of_many_concurrent_requests_gets_a_link_for_one_use(tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        shelves = [keeper(tmp_path, clock) for _ in range(8)]
        made = await saved(shelves[0])
        found = [await shelf.find(made.id) for shelf in shelves]
        used = await asyncio.gather(
            *(shelf.use(one) for shelf, one in zip(shelves, found, strict=True)), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in used) == ["NoneType"] + ["Refused"] * 7
        clock.now += TTL
        await shelves[0].sweep()
        assert kept_files(tmp_path) == []

    asyncio.run(run())


def test_nobody_else_can_read_the_artifacts_or_their_key(tmp_path: Path) -> None:
    asyncio.run(saved(keeper(tmp_path / "new", Clock())))
    for made in (tmp_path / "new", tmp_path / "new" / "artifacts"):
        assert made.stat().st_mode & 0o077 == 0


def test_a_folder_that_other_users_may_write_to_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the system's folder for temporary files, another user may have created the folder first."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = Settings.from_environment({"JANUS_ARTIFACT_INLINE_BYTES": "0"})
    place = folder(settings)
    assert place.parent == tmp_path
    place.mkdir()
    place.chmod(0o777)
    with pytest.raises(ArtifactError) as refused:
        asyncio.run(saved(Keeper(settings, Clock())))
    assert refused.value.kind == "read_only"
    place.chmod(0o700)
    asyncio.run(saved(Keeper(settings, Clock())))
