"""Tests, in small repos, what an update does with a file, depending on its zone and on who changed it."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from templates_variants.engine.bake import record
from templates_variants.engine.bake.files import File, write
from templates_variants.engine.update import apply
from templates_variants.engine.update.changelog import contract_changes
from templates_variants.engine.update.plan import Plan, Repo, Step

ANSWERS = {"backend": "proxy", "_template_version": "1.0.0", "_contract_version": "1.0.0"}
CORE, SHARED, OWNER, LOCK = "competitor/core/a.py", "README.md", "LICENSE", "requirements.txt"
TEN = b"".join(b"line %d\n" % number for number in range(10))
Files = Mapping[str, bytes | File]


def made(folder: Path, files: Files) -> Path:
    """Makes a repo with these files and their record, as the template writes it. Returns its folder."""
    fill(folder, files)
    record.write(ANSWERS, folder, sorted(files), [])
    return folder


def fill(folder: Path, files: Files) -> None:
    for path, content in files.items():
        write(folder, path, content if isinstance(content, File) else File(content))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path


def planned(scratch: Path, old: Files, mine: Mapping[str, bytes | File | None], new: Files) -> tuple[Repo, Plan]:
    """Makes a repo of the files `old`, with the owner's changes `mine` (None: deleted). Plans its update to `new`."""
    project = made(scratch / "project", old)
    for path, content in mine.items():
        if content is None:
            (project / path).unlink()
    fill(project, {path: content for path, content in mine.items() if content is not None})
    fresh = made(scratch / "made", new)
    repo = Repo(project, fresh, record.load(project), record.load(fresh))
    return repo, apply.plan(repo, scratch)


def step(plan: Plan, path: str) -> Step:
    return next(step for step in plan.steps if step.path == path)


CASES: dict[str, tuple[str, bytes | None, bytes | None, bytes | None, str, bytes | None]] = {
    # name: (path, old template's file, owner's file, new template's file, expected deed, file after the update)
    "a contract file that only the template changed": (CORE, b"1", b"1", b"2", "replaced", b"2"),
    "a contract file that the template did not change": (CORE, b"1", b"1", b"1", "kept", b"1"),
    "a contract file that the owner deleted": (CORE, b"1", None, b"2", "restored", b"2"),
    "a contract file that the template removed": (CORE, b"1", b"1", None, "deleted", None),
    "a contract file that the template and the owner deleted": (CORE, b"1", None, None, "gone", None),
    "a new contract file": (CORE, None, None, b"2", "new", b"2"),
    "a contract file that both sides changed in the same way": (CORE, b"1", b"2", b"2", "kept", b"2"),
    "a shared file that only the template changed": (SHARED, b"1", b"1", b"2", "replaced", b"2"),
    "a shared file that only the owner changed": (SHARED, b"1", b"mine", b"1", "kept", b"mine"),
    "a shared file that both sides changed in the same way": (SHARED, b"1", b"2", b"2", "kept", b"2"),
    "a shared file that both sides changed in different places": (
        SHARED,
        TEN,
        TEN.replace(b"line 1", b"mine"),
        TEN.replace(b"line 8", b"theirs"),
        "merged",
        TEN.replace(b"line 1", b"mine").replace(b"line 8", b"theirs"),
    ),
    "a shared file that the owner deleted": (SHARED, b"1", None, b"2", "gone", None),
    "a shared file that the template removed": (SHARED, b"1", b"1", None, "deleted", None),
    "a shared file that the owner changed and the template removed": (SHARED, b"1", b"mine", None, "kept", b"mine"),
    "a new shared file": (SHARED, None, None, b"2", "new", b"2"),
    "an owner's file that both sides changed": (OWNER, b"1", b"mine", b"2", "kept", b"mine"),
    "an owner's file that only the template changed": (OWNER, b"1", b"1", b"2", "kept", b"1"),
    "an owner's file that the owner deleted": (OWNER, b"1", None, b"2", "gone", None),
    "an owner's file that the template removed": (OWNER, b"1", b"1", None, "kept", b"1"),
    "a file that the template adds to the owner's zone": (OWNER, None, None, b"2", "new", b"2"),
    "a file that the template adds where the owner already has one": (OWNER, None, b"mine", b"2", "kept", b"mine"),
}


@pytest.mark.parametrize("case", CASES)
def test_an_update_of_one_file(case: str, scratch: Path) -> None:
    path, old, mine, new, deed, result = CASES[case]
    other = {"CONTRACT.md": b"one more file\n"}
    repo, plan = planned(
        scratch,
        {**other, **({path: old} if old else {})},
        {path: mine} if mine != old else {},
        {**other, **({path: new} if new else {})},
    )
    found = step(plan, path)
    assert found.deed == deed
    apply.carry_out(repo.project, apply.final(repo, plan, apply.changed(repo, plan), scratch / "final"), process=0)
    file = repo.project / path
    assert (file.read_bytes() if file.exists() else None) == result
    assert record.load(repo.project) == repo.now


def test_an_edited_contract_file_blocks_the_update_unless_it_may_be_replaced(scratch: Path) -> None:
    repo, plan = planned(scratch, {CORE: b"1"}, {CORE: b"mine"}, {CORE: b"2"})
    (obstacle,) = plan.obstacles
    assert (obstacle.path, obstacle.mine) == (CORE, File(b"mine"))
    plan = apply.plan(replace(repo, replace_edited=True), scratch)
    assert plan.obstacles == ()
    assert step(plan, CORE).becomes == File(b"2")


def test_an_edited_contract_file_that_was_removed_blocks_the_update(scratch: Path) -> None:
    _, plan = planned(scratch, {CORE: b"1", SHARED: b"1"}, {CORE: b"mine"}, {SHARED: b"1"})
    assert [obstacle.path for obstacle in plan.obstacles] == [CORE]


def test_a_new_contract_file_never_replaces_an_owner_s_file_of_that_name(scratch: Path) -> None:
    repo, plan = planned(scratch, {SHARED: b"1"}, {CORE: b"mine"}, {SHARED: b"1", CORE: b"2"})
    assert len(plan.obstacles) == 1
    assert len(apply.plan(replace(repo, replace_edited=True), scratch).obstacles) == 1


def test_a_conflict_keeps_both_sides(scratch: Path) -> None:
    _, plan = planned(scratch, {SHARED: b"a\n"}, {SHARED: b"mine\n"}, {SHARED: b"theirs\n"})
    found = step(plan, SHARED)
    assert found.deed == "conflict"
    assert found.becomes is not None
    assert found.becomes.data == (
        b"<<<<<<< yours: README.md\nmine\n=======\ntheirs\n>>>>>>> the template's: README.md\n"
    )


def test_two_new_files_with_the_same_name_are_a_conflict_and_neither_is_lost(scratch: Path) -> None:
    _, plan = planned(scratch, {CORE: b"1"}, {SHARED: b"mine\n"}, {CORE: b"1", SHARED: b"theirs\n"})
    found = step(plan, SHARED)
    assert found.deed == "conflict"
    assert found.becomes is not None
    assert b"mine\n" in found.becomes.data
    assert b"theirs\n" in found.becomes.data


@pytest.mark.parametrize(
    ("path", "mine", "theirs", "merged"),
    [
        (".gitignore", b"a\nb\nmine/\n", b"a\nb\ntheirs/\n", b"a\nb\ntheirs/\nmine/\n"),
        (".gitignore", b"a\nb\nboth/\n", b"a\nb\nboth/\ntheirs/\n", b"a\nb\nboth/\ntheirs/\n"),
        (".gitignore", b"a\nb\n!mine/\n", b"a\ntheirs/\n", b"a\ntheirs/\n!mine/\n"),
        (SHARED, b"a\nb\n\nMine.\n", b"Theirs.\n\n", b"Theirs.\n\nMine.\n"),
        (SHARED, b"a\r\nb\r\nmine\r\n", b"theirs", b"theirs\r\nmine\r\n"),
        (SHARED, b"a\nMine.\n", b"a\nTheirs.\n", None),
        (SHARED, b"a\nb, and mine\n", b"a\ntheirs\n", None),
        (SHARED, b"Mine.\na\nb\n", b"Theirs.\na\nb\n", None),
        ("pyproject.toml", b"a\nb\nmine = 1\n", b"a\nb\ntheirs = 1\n", None),
    ],
    ids=[
        *("a pattern", "one that both added", "an exception", "a section", "a section, by Windows"),
        *("a line changed", "half a line", "in front", "a key of the last table"),
    ],
)
def test_text_that_the_owner_only_appended_is_not_a_conflict(
    path: str, mine: bytes, theirs: bytes, merged: bytes | None, scratch: Path
) -> None:
    _, plan = planned(scratch, {path: b"a\nb\n"}, {path: mine}, {path: theirs})
    found = step(plan, path)
    assert found.becomes is not None
    assert found.deed == ("merged" if merged else "conflict")
    assert merged in (None, found.becomes.data)


def test_line_endings_stay_the_owner_s_and_do_not_count_as_a_change(scratch: Path) -> None:
    mine = TEN.replace(b"\n", b"\r\n")
    _, plan = planned(scratch, {SHARED: TEN, CORE: TEN}, {SHARED: mine, CORE: mine}, {SHARED: TEN + b"10\n", CORE: TEN})
    assert plan.obstacles == ()
    assert step(plan, SHARED) == Step(SHARED, "replaced", File(mine + b"10\r\n"))
    assert step(plan, CORE) == Step(CORE, "replaced", File(TEN))


def test_a_merge_keeps_the_owner_s_line_endings(scratch: Path) -> None:
    mine = TEN.replace(b"line 1\n", b"mine\n").replace(b"\n", b"\r\n")
    _, plan = planned(scratch, {SHARED: TEN}, {SHARED: mine}, {SHARED: TEN + b"10\n"})
    assert step(plan, SHARED).becomes == File(mine + b"10\r\n")


def test_a_binary_file_that_both_changed_is_kept_and_the_template_s_is_added_beside_it(scratch: Path) -> None:
    _, plan = planned(scratch, {"logo.png": b"\0a"}, {"logo.png": b"\0mine"}, {"logo.png": b"\0theirs"})
    assert step(plan, "logo.png") == Step("logo.png", "conflict", File(b"\0mine"))
    assert step(plan, "logo.png.new") == Step("logo.png.new", "new", File(b"\0theirs"))


@pytest.mark.parametrize(
    ("old", "mine", "new", "result"),
    [(False, False, True, True), (False, True, False, True), (True, False, True, False), (True, True, False, False)],
)
def test_the_executable_bit_follows_the_side_that_changed_it(
    old: bool, mine: bool, new: bool, result: bool, scratch: Path
) -> None:
    project = {"run.sh": File(TEN, old)}
    _, plan = planned(scratch, project, {"run.sh": File(b"mine\n" + TEN, mine)}, {"run.sh": File(TEN + b"x\n", new)})
    (scratch / "project" / "run.sh").chmod(0o755 if mine else 0o644)
    repo = Repo(scratch / "project", scratch / "made", record.load(scratch / "project"), record.load(scratch / "made"))
    found = step(apply.plan(repo, scratch), "run.sh").becomes
    assert plan.conflicts == []
    assert found == File(b"mine\n" + TEN + b"x\n", result)


def test_a_shared_file_that_the_owner_replaced_by_a_link_is_not_changed(scratch: Path) -> None:
    project = made(scratch / "project", {SHARED: b"1"})
    (project / "docs").mkdir()
    (project / SHARED).rename(project / "docs" / SHARED)
    (project / SHARED).symlink_to(f"docs/{SHARED}")
    fresh = made(scratch / "made", {SHARED: b"2"})
    repo = Repo(project, fresh, record.load(project), record.load(fresh))
    found = step(apply.plan(repo, scratch), SHARED)
    assert (found.deed, found.note) == ("kept", "README.md is a link, so this path is not changed")
    assert SHARED not in apply.changed(repo, apply.plan(repo, scratch))


SOURCES = {"requirements.in": b"a\n", "competitor/backend/requirements.in": b""}
NEWER = {"requirements.in": b"a\nb\n", "competitor/backend/requirements.in": b""}
DEPENDENCY = {"competitor/backend/requirements.in": b"mine\n"}


@pytest.mark.parametrize(
    ("mine", "new", "lock", "stale"),
    [
        ({}, {**SOURCES, LOCK: b"2"}, b"2", False),
        ({}, {**NEWER, LOCK: b"2"}, b"2", False),
        ({**DEPENDENCY, LOCK: b"# (sources 1)\n"}, {**SOURCES, LOCK: b"2"}, b"# (sources 1)\n", False),
        ({**DEPENDENCY, LOCK: b"# (sources 1)\n"}, {**NEWER, LOCK: b"2"}, b"# (sources 1)\n", True),
        ({LOCK: b"# (sources 1) upgraded\n"}, {**SOURCES, LOCK: b"2"}, b"# (sources 1) upgraded\n", False),
        ({LOCK: b"# (sources 1) upgraded\n"}, {**NEWER, LOCK: b"2"}, b"# (sources 1) upgraded\n", True),
        ({**DEPENDENCY, LOCK: b"of 0.1.0\n"}, {**SOURCES, LOCK: b"2"}, b"of 0.1.0\n", True),
    ],
    ids=["newer pins", "newer sources", "own dependency", "both", "own pins", "own pins, newer sources", "unmarked"],
)
def test_a_lock_is_replaced_only_if_the_lock_and_its_sources_are_the_template_s(
    mine: Files, new: Files, lock: bytes, stale: bool, scratch: Path
) -> None:
    repo, plan = planned(scratch, {**SOURCES, LOCK: b"1"}, mine, new)
    found = step(plan, LOCK)
    assert (found.becomes.data if found.becomes else (repo.project / LOCK).read_bytes()) == lock
    assert bool(found.note) == stale


def test_in_a_repo_of_0_1_0_deleted_owner_files_are_not_restored(scratch: Path) -> None:
    project = made(scratch / "project", {CORE: b"1", OWNER: b"1"})
    kept = json.loads((project / ".janus" / "contract.json").read_text(encoding="utf-8"))
    old = {name: kept[name] for name in ("template_version", "contract_version", "files")}
    record.write_json(project / ".janus" / "contract.json", old)
    (project / ".janus" / "template.json").unlink()
    (project / OWNER).unlink()
    fresh = made(scratch / "made", {CORE: b"1", OWNER: b"2"})
    repo = Repo(project, fresh, record.load(project), record.load(fresh))
    assert repo.was.template == record.HOME
    assert not repo.switches
    assert step(apply.plan(repo, scratch), OWNER).deed == "gone"


def test_the_report_shows_the_changelog_between_the_two_versions() -> None:
    entry = "## [{0}] - x\n\n### Contract {0}\n\n- {0}\n\n### Added\n\n- no\n\n"
    text = "".join(entry.format(version) for version in ("3.0.0", "2.0.0", "1.0.0"))
    assert contract_changes(text, "1.0.0", "2.0.0") == "2.0.0: Contract 2.0.0\n\n- 2.0.0"
    assert contract_changes(text, "1.0.0", "3.0.0").count("Contract") == 2
    assert contract_changes(text, "3.0.0", "3.0.0") == ""
