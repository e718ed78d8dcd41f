"""Tests that every way to cheat with contract files is reported.

The repo's own verify or `python -m tools.verify` must report each cheat. The repo's own verify is code in the repo, so
a cheat can edit it. A reviewer therefore runs the template's verify, `python -m tools.verify`.
"""

import hashlib
import importlib.util
import json
import marshal
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from templates_variants.engine.bake import contract
from templates_variants.engine.bake.zones import lines
from tools.release import LOCK, release
from tools.trusted import verify as trusted_verify

from ..bakes import Bakes
from ..template_path import TEMPLATE
from .baking import VARIANTS, bake, clean_environment, copy_template, git

CORE = "competitor/core/answer/admission.py"
RECORD = ".janus/contract.json"
EDIT = b"\nMINE = 1\n"
SECONDS = 60
HOLDS, DIFFERS, NOT_SHOWN = 0, 1, 2


def run(*command: str, cwd: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m COMMAND...` without writing bytecode."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=clean_environment(home),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def own(project: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Runs the repo's own verify."""
    return run("competitor", "verify", cwd=project, home=home)


def reviewed(project: Path, home: Path, checkout: Path = TEMPLATE) -> "subprocess.CompletedProcess[str]":
    """Runs the reviewer's verify, from a checkout of the template."""
    return run("tools.verify", str(project), cwd=checkout, home=home)


@pytest.fixture
def project(baked: Path, tmp_path: Path) -> Iterator[Path]:
    """A clean copy of a generated repo, without bytecode."""
    yield copy(baked, tmp_path / "project")
    subprocess.run(["rm", "-rf", tmp_path / "project"], check=True)  # Python cannot delete what is nested deeply


def copy(repo: Path, goal: Path) -> Path:
    return Path(shutil.copytree(repo, goal, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")))


def append(file: Path, data: bytes = EDIT) -> None:
    file.write_bytes(file.read_bytes() + data)


def record(project: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((project / RECORD).read_text(encoding="utf-8"))
    return found


def write_record(project: Path, **changes: object) -> None:
    (project / RECORD).write_text(json.dumps({**record(project), **changes}), encoding="utf-8")


def write(file: Path, data: bytes = b"MINE = 1\n") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def link_away(project: Path, path: str) -> None:
    """Moves the file or folder at `path` to `elsewhere`, which is outside the zones, and puts a link in its place."""
    (project / path).rename(project / "elsewhere")
    (project / path).symlink_to(project / "elsewhere")


def bytecode(project: Path, path: str, flags: int = 0, code: str = "MINE = 1") -> None:
    """Writes bytecode of other code, with a header that makes Python use it in place of the source."""
    source = project / CORE
    compiled = compile(code, str(source), "exec")
    status = source.stat()
    header = [flags, int(status.st_mtime), status.st_size]
    numbers = b"".join(number.to_bytes(4, "little") for number in header)
    write(project / path, importlib.util.MAGIC_NUMBER + numbers + marshal.dumps(compiled))


CACHED = f"competitor/core/answer/__pycache__/admission.{sys.implementation.cache_tag}.pyc"


def edit(project: Path) -> None:
    append(project / CORE)


def change_a_word_of_the_contract(project: Path) -> None:
    clauses = project / "CONTRACT.md"
    clauses.write_bytes(clauses.read_bytes().replace(b" must ", b" may ", 1))


def cut_the_last_line_break(project: Path) -> None:
    (project / CORE).write_bytes((project / CORE).read_bytes().rstrip(b"\n"))


def end_lines_by_cr(project: Path) -> None:
    (project / CORE).write_bytes((project / CORE).read_bytes().replace(b"\n", b"\r"))


def put_a_byte_order_mark_in_front(project: Path) -> None:
    (project / CORE).write_bytes(b"\xef\xbb\xbf" + (project / CORE).read_bytes())


def empty(project: Path) -> None:
    (project / CORE).write_bytes(b"")


def edit_a_contract_test(project: Path) -> None:
    append(next((project / "tests" / "contract").glob("test_*.py")))


def delete(project: Path) -> None:
    (project / CORE).unlink()


def delete_a_folder(project: Path) -> None:
    shutil.rmtree(project / "competitor" / "checks")


def rename(project: Path) -> None:
    (project / CORE).rename((project / CORE).with_name("entry.py"))


def move_into_the_backend(project: Path) -> None:
    (project / CORE).rename(project / "competitor" / "backend" / "admission.py")


def put_a_folder_in_its_place(project: Path) -> None:
    delete(project)
    write(project / CORE / "__init__.py")


def shadow_by_a_package(project: Path) -> None:
    write(project / "competitor" / "core" / "chat" / "__init__.py")


def add_an_extension_module(project: Path) -> None:
    write(project / "competitor" / "core" / "chat.abi3.so", b"\x7fELF")


def add_a_conftest(project: Path) -> None:
    write(project / "tests" / "contract" / "conftest_plugin.py")


def add_a_file_that_git_ignores(project: Path) -> None:
    append(project / ".gitignore", b"\ncompetitor/core/hidden.py\n")
    write(project / "competitor" / "core" / "hidden.py")


def add_a_hidden_file(project: Path) -> None:
    write(project / "competitor" / ".hidden" / "x.pth")


def add_a_file_without_end(project: Path) -> None:
    with (project / "competitor" / "core" / "large.bin").open("wb") as file:
        file.truncate(1 << 36)


def nest_deeply(project: Path) -> None:
    """Nests folders deeper than Python's recursion limit."""
    folder = project / "competitor"
    for _ in range(1500):
        folder /= "d"
        folder.mkdir()
    write(folder / "x.py")


def break_a_line_in_a_name(project: Path) -> None:
    write(project / "competitor" / "x\nThe contract files are those of the template.py")


def look_alike(project: Path) -> None:
    write(project / "competitor" / "core" / "ch\u0430t.py")


def differ_in_case(project: Path) -> None:
    write(project / "competitor" / "core" / "Chat.py")


def differ_in_case_of_a_folder(project: Path) -> None:
    write(project / "Competitor" / "core" / "chat.py")


def differ_in_case_of_the_clauses(project: Path) -> None:
    write(project / "contract.md")


def link_a_folder_that_differs_in_case(project: Path) -> None:
    (project / "COMPETITOR").symlink_to("tests")


def link_a_file(project: Path) -> None:
    link_away(project, CORE)


def link_a_folder(project: Path) -> None:
    link_away(project, "competitor/core")


def link_the_package(project: Path) -> None:
    link_away(project, "competitor")


def link_the_tests(project: Path) -> None:
    link_away(project, "tests")


def dangle(project: Path) -> None:
    (project / "competitor" / "core" / "later.py").symlink_to("/nowhere/at/all")


def make_executable(project: Path) -> None:
    (project / CORE).chmod(0o755)


def make_all_executable(project: Path) -> None:
    for file in project.rglob("*.py"):
        file.chmod(0o755)


def add_bytecode_beside_the_sources(project: Path) -> None:
    bytecode(project, "competitor/core/later.pyc")


def replace_a_source_by_bytecode(project: Path) -> None:
    bytecode(project, CORE.replace(".py", ".pyc"))
    delete(project)


def add_cached_bytecode_of_no_source(project: Path) -> None:
    bytecode(project, CACHED.replace("admission", "later"))


def add_bytecode_that_is_never_checked(project: Path) -> None:
    bytecode(project, CACHED, flags=0b01)


def add_bytecode_that_a_hash_checks(project: Path) -> None:
    bytecode(project, CACHED, flags=0b11)


def put_something_else_into_a_cache(project: Path) -> None:
    write(project / CACHED.replace(".pyc", ".txt"))


def make_a_fifo(project: Path) -> None:
    delete(project)
    os.mkfifo(project / CORE)


def make_a_new_fifo(project: Path) -> None:
    os.mkfifo(project / "tests" / "contract" / "pipe")


def make_a_socket(project: Path) -> None:
    here = Path.cwd()
    os.chdir(project / "competitor" / "core")  # a socket's path must be short
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind("listening")
    finally:
        os.chdir(here)


@dataclass(frozen=True)
class Cheat:
    """A way to cheat: what is done, and how the reports must name it."""

    do: Callable[[Path], None]
    named: str


UNKNOWN = "unknown, not a file of the template"
CASE = "differs only in case from"
SOURCELESS = "bytecode without a source"
# Both the repo's own verify and the reviewer's name these cheats.
CHEATS = {
    "a line is added": Cheat(edit, f"{CORE}: edited"),
    "a must becomes a may": Cheat(change_a_word_of_the_contract, "CONTRACT.md: edited"),
    "the last line break is gone": Cheat(cut_the_last_line_break, f"{CORE}: edited"),
    "lines end by CR alone": Cheat(end_lines_by_cr, f"{CORE}: edited"),
    "a byte order mark is in front": Cheat(put_a_byte_order_mark_in_front, f"{CORE}: edited"),
    "a file is emptied": Cheat(empty, f"{CORE}: edited"),
    "a contract test is edited": Cheat(edit_a_contract_test, "py: edited"),
    "a file is deleted": Cheat(delete, f"{CORE}: missing"),
    "a folder is deleted": Cheat(delete_a_folder, "competitor/checks/__init__.py: missing"),
    "a file is renamed": Cheat(rename, f"{CORE}: renamed to competitor/core/answer/entry.py"),
    "a file is moved into the backend": Cheat(move_into_the_backend, f"{CORE}: missing"),
    "a folder stands in its place": Cheat(put_a_folder_in_its_place, f"{CORE}/__init__.py: {UNKNOWN}"),
    "a package shadows a module": Cheat(shadow_by_a_package, f"competitor/core/chat/__init__.py: {UNKNOWN}"),
    "an extension module shadows one": Cheat(add_an_extension_module, f"competitor/core/chat.abi3.so: {UNKNOWN}"),
    "a file is added to the contract's tests": Cheat(add_a_conftest, f"tests/contract/conftest_plugin.py: {UNKNOWN}"),
    "git ignores the file": Cheat(add_a_file_that_git_ignores, f"competitor/core/hidden.py: {UNKNOWN}"),
    "the folder is hidden": Cheat(add_a_hidden_file, f"competitor/.hidden/x.pth: {UNKNOWN}"),
    "a file is too large to read": Cheat(add_a_file_without_end, "competitor/core/large.bin: larger than"),
    "folders are nested deeply": Cheat(nest_deeply, "competitor/d/d/d/"),
    "a name forges a line of the report": Cheat(break_a_line_in_a_name, r"competitor/x\nThe contract files"),
    "a name looks like another": Cheat(look_alike, rf"competitor/core/ch\u0430t.py: {UNKNOWN}"),
    "a name differs in case": Cheat(
        differ_in_case, f"competitor/core/Chat.py: unknown, {CASE} competitor/core/chat.py"
    ),
    "a folder's name differs in case": Cheat(differ_in_case_of_a_folder, f"Competitor/core/chat.py: unknown, {CASE}"),
    "the name of CONTRACT.md differs in case": Cheat(differ_in_case_of_the_clauses, f"contract.md: unknown, {CASE}"),
    "a link's name differs in case": Cheat(link_a_folder_that_differs_in_case, f"COMPETITOR: unknown, {CASE}"),
    "a file is a link to its content": Cheat(link_a_file, f"{CORE}: a symlink"),
    "a folder is a link": Cheat(link_a_folder, "competitor/core: a symlink"),
    "the package is a link": Cheat(link_the_package, "competitor: a symlink"),
    "the folder above the tests is a link": Cheat(link_the_tests, "tests: a symlink"),
    "a link leads nowhere yet": Cheat(dangle, "competitor/core/later.py: a symlink"),
    "a file is executable": Cheat(make_executable, f"{CORE}: executable now"),
    "all files are executable": Cheat(make_all_executable, f"{CORE}: executable now"),
    "bytecode is beside the sources": Cheat(
        add_bytecode_beside_the_sources, f"competitor/core/later.pyc: {SOURCELESS}"
    ),
    "bytecode replaces a source": Cheat(replace_a_source_by_bytecode, f"{CORE}c: {SOURCELESS}"),
    "cached bytecode has no source": Cheat(
        add_cached_bytecode_of_no_source, f"later.{sys.implementation.cache_tag}.pyc: {SOURCELESS}"
    ),
    "bytecode is never checked": Cheat(add_bytecode_that_is_never_checked, f"{CACHED}: bytecode that Python may run"),
    "bytecode is checked by its hash": Cheat(
        add_bytecode_that_a_hash_checks, f"{CACHED}: bytecode that Python may run"
    ),
    "something else is in a cache": Cheat(put_something_else_into_a_cache, f"{CACHED[:-4]}.txt: {UNKNOWN}"),
    "a fifo stands in its place": Cheat(make_a_fifo, f"{CORE}: a fifo"),
    "a fifo is added": Cheat(make_a_new_fifo, "tests/contract/pipe: a fifo"),
    "a socket is added": Cheat(make_a_socket, "competitor/core/listening: a socket"),
}


@pytest.mark.parametrize("name", CHEATS)
def test_the_repo_s_own_verify_names(name: str, project: Path, home: Path) -> None:
    cheat = CHEATS[name]
    cheat.do(project)
    # A linked package still runs. If the cheat breaks the command itself, the functions are called directly.
    changed = trusted_verify.changed_files(project)
    said = "\n".join(
        f"{trusted_verify.printable(path)}: {trusted_verify.printable(what)}" for path, what in changed.items()
    )
    assert cheat.named in said
    done = own(project, home)
    assert done.returncode != HOLDS
    if done.stdout:
        assert done.returncode == DIFFERS
        assert cheat.named in done.stdout
        assert "The contract files are those of the template" not in done.stdout.splitlines()


@pytest.mark.parametrize("name", CHEATS)
def test_the_reviewer_s_verify_names(name: str, project: Path, home: Path) -> None:
    CHEATS[name].do(project)
    done = reviewed(project, home)
    assert done.returncode == DIFFERS, done.stdout + done.stderr
    assert CHEATS[name].named in done.stdout
    assert "HOLDS" not in done.stdout
    assert done.stderr == ""


def edit_the_record_as_well(project: Path) -> None:
    edit(project)
    files = {**record(project)["files"], CORE: trusted_verify.digest((project / CORE).read_bytes())}  # type: ignore[dict-item]
    write_record(project, files=files)


def drop_the_file_from_the_record(project: Path) -> None:
    delete(project)
    write_record(project, files={path: hash_ for path, hash_ in record(project)["files"].items() if path != CORE})  # type: ignore[attr-defined]


def add_a_file_to_the_record(project: Path) -> None:
    write(project / "competitor" / "core" / "later.py")
    files = {**record(project)["files"], "competitor/core/later.py": trusted_verify.digest(b"MINE = 1\n")}  # type: ignore[dict-item]
    write_record(project, files=files)


def give_the_owner_a_zone_of_the_contract(project: Path) -> None:
    write(project / "competitor" / "core" / "later.py")
    write_record(project, zones=["owner competitor/core/later.py", *record(project)["zones"]])  # type: ignore[misc]


def call_an_executable_file_so(project: Path) -> None:
    make_executable(project)
    write_record(project, executable=[CORE])


def say_that_modes_do_not_count(project: Path) -> None:
    make_executable(project)
    write(project / ".git" / "config", b"[core]\n\tfilemode = false\n")


def blind_its_own_verify(project: Path) -> None:
    edit(project)
    file = project / "competitor" / "cli" / "verify.py"
    append(file, b"\n\ndef changed_files(root):\n    return {}\n")


def claim_another_release(project: Path) -> None:
    write_record(project, template_version="0.2.0")


def claim_another_contract(project: Path) -> None:
    write_record(project, contract_version="9.9.9")


# Only the reviewer's verify names these cheats, because the repo's own code or record was edited.
CHEATS_OF_THE_REPO_S_OWN = {
    "the record is edited along with the file": Cheat(edit_the_record_as_well, f"{CORE}: edited"),
    "the edited record": Cheat(edit_the_record_as_well, f"{RECORD}: has another hash of {CORE}"),
    "the record no longer names the file": Cheat(drop_the_file_from_the_record, f"{CORE}: missing"),
    "the record names a new file": Cheat(add_a_file_to_the_record, f"competitor/core/later.py: {UNKNOWN}"),
    "the record assigns a contract zone to the owner": Cheat(
        give_the_owner_a_zone_of_the_contract, f"competitor/core/later.py: {UNKNOWN}"
    ),
    "the edited zones": Cheat(give_the_owner_a_zone_of_the_contract, f"{RECORD}: has another zones"),
    "the record calls a file executable": Cheat(call_an_executable_file_so, f"{CORE}: executable now"),
    "git is told that modes do not count": Cheat(say_that_modes_do_not_count, f"{CORE}: executable now"),
    "its own verify is edited": Cheat(blind_its_own_verify, f"{CORE}: edited"),
    "the edited verify": Cheat(blind_its_own_verify, "competitor/cli/verify.py: edited"),
    "it claims to be another release": Cheat(claim_another_release, f"{CORE}: {UNKNOWN}"),
    "it claims another contract version": Cheat(claim_another_contract, f"{RECORD}: has another contract_version"),
}


@pytest.mark.parametrize("name", CHEATS_OF_THE_REPO_S_OWN)
def test_the_reviewer_s_verify_names_what_the_repo_hides(name: str, project: Path, home: Path) -> None:
    cheat = CHEATS_OF_THE_REPO_S_OWN[name]
    cheat.do(project)
    done = reviewed(project, home)
    assert done.returncode == DIFFERS, done.stdout + done.stderr
    assert cheat.named in done.stdout
    assert "HOLDS" not in done.stdout


def remove_the_record(project: Path) -> None:
    (project / RECORD).unlink()


def damage_the_record(project: Path) -> None:
    (project / RECORD).write_bytes(b'{"files": ')


def nest_the_record(project: Path) -> None:
    (project / RECORD).write_bytes(b"[" * 100_000)


def list_the_record(project: Path) -> None:
    (project / RECORD).write_bytes(b"[]")


def make_the_record_a_fifo(project: Path) -> None:
    remove_the_record(project)
    os.mkfifo(project / RECORD)


def link_the_record(project: Path) -> None:
    link_away(project, RECORD)


def link_its_folder(project: Path) -> None:
    link_away(project, ".janus")


def claim_an_unknown_version(project: Path) -> None:
    write_record(project, template_version="9.9.9")


def claim_a_version_that_is_no_text(project: Path) -> None:
    write_record(project, template_version=["0.3.0"])


def claim_a_version_that_steers_the_terminal(project: Path) -> None:
    write_record(project, template_version="0.3.0\x1b[2J\nHOLDS")


def claim_an_unknown_variant(project: Path) -> None:
    write_record(project, backend="sails")


def claim_a_path_as_variant(project: Path) -> None:
    write_record(project, backend=str(project))


def poison_the_cache(project: Path) -> None:
    bytecode(project, CACHED)


NOT_SHOWN_CASES: dict[str, Cheat] = {
    "there is no record": Cheat(remove_the_record, "cannot be read"),
    "the record is damaged": Cheat(damage_the_record, "cannot be read"),
    "the record is nested deeply": Cheat(nest_the_record, "nested too deeply"),
    "the record is a list": Cheat(list_the_record, "is not an object"),
    "the record is a fifo": Cheat(make_the_record_a_fifo, "is not a plain file"),
    "the record is a link": Cheat(link_the_record, f"{RECORD} is a symlink"),
    "the record's folder is a link": Cheat(link_its_folder, ".janus is a symlink"),
    "the version is unknown": Cheat(claim_an_unknown_version, "version 9.9.9 is not known here"),
    "the version is no text": Cheat(claim_a_version_that_is_no_text, "has no usable template_version"),
    "the version steers the terminal": Cheat(
        claim_a_version_that_steers_the_terminal, "has no usable template_version"
    ),
    "the variant is unknown": Cheat(claim_an_unknown_variant, "has no variant sails"),
    "the variant is a path": Cheat(claim_a_path_as_variant, "has no variant /"),
    "cached bytecode has the date of its source": Cheat(poison_the_cache, "may differ from their sources"),
}


@pytest.mark.parametrize("name", NOT_SHOWN_CASES)
def test_what_cannot_be_shown_is_never_called_good(name: str, project: Path, home: Path) -> None:
    NOT_SHOWN_CASES[name].do(project)
    done = reviewed(project, home)
    assert done.returncode == NOT_SHOWN, done.stdout + done.stderr
    assert "Not shown: " in done.stdout
    assert NOT_SHOWN_CASES[name].named in done.stdout
    assert "HOLDS" not in done.stdout
    assert done.stderr == ""


def test_there_are_twenty_ways_to_cheat_at_least() -> None:
    named = [*CHEATS, *CHEATS_OF_THE_REPO_S_OWN, *NOT_SHOWN_CASES]
    assert len(set(named)) == len(named) >= 60


def test_a_folder_that_is_not_there_is_not_shown(tmp_path: Path, home: Path) -> None:
    done = reviewed(tmp_path / "nowhere", home)
    assert done.returncode == NOT_SHOWN
    assert "is not a folder" in done.stdout


@pytest.mark.parametrize("name", ["proxy", "langchain"])
def test_a_repo_that_names_another_variant_is_told_apart(name: str, bakes: Bakes, home: Path, tmp_path: Path) -> None:
    """Adapters are contract files. If a repo names another variant, adapters are missing or unknown."""
    project = copy(bakes(name), tmp_path / "project")
    write_record(project, backend={"proxy": "langchain", "langchain": "proxy"}[name])
    done = reviewed(project, home)
    assert done.returncode == DIFFERS
    what = {"proxy": "missing", "langchain": UNKNOWN}[name]
    assert f"competitor/adapters/langchain/model.py: {what}" in done.stdout


# Repos that pass.


def said_digest(text: str) -> set[str]:
    return {word.removeprefix("sha256:") for word in text.split() if word.startswith("sha256:")}


def test_a_clean_bake_of_each_variant_holds(each: Path, home: Path, tmp_path: Path) -> None:
    project = copy(each, tmp_path / "project")
    variant = record(project)["backend"]
    mine, theirs = own(project, home), reviewed(project, home)
    assert mine.returncode == theirs.returncode == HOLDS, mine.stdout + theirs.stdout
    files: dict[str, str] = record(project)["files"]  # type: ignore[assignment]
    lines = "".join(f"{path} {hashlib.sha256((project / path).read_bytes()).hexdigest()}\n" for path in sorted(files))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    assert said_digest(mine.stdout) == said_digest(theirs.stdout) == {digest}
    assert release(TEMPLATE)["digests"][variant] == digest
    assert f"HOLDS: all {len(files)} contract files are those of janus-template" in theirs.stdout
    assert f"variant {variant}." in theirs.stdout


def test_a_checkout_with_windows_line_endings_holds(project: Path, home: Path) -> None:
    for path in (path for path in project.rglob("*") if path.is_file() and ".janus" not in path.parts):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert b"\r\n" in (project / CORE).read_bytes()
    mine, theirs = own(project, home), reviewed(project, home)
    assert mine.returncode == theirs.returncode == HOLDS, mine.stdout + theirs.stdout
    assert said_digest(mine.stdout) == said_digest(theirs.stdout)
    assert len(said_digest(theirs.stdout)) == 1


def test_edited_and_new_files_of_the_owner_hold(project: Path, home: Path) -> None:
    for path in ("competitor/backend/agent.py", "tests/test_backend.py", "README.md", "CHANGELOG.md", "Dockerfile"):
        append(project / path)
    for path in ("competitor/backend/more/deep.py", "tests/test_more.py", "notes/plan.md", "data/x.bin", ".env"):
        write(project / path)
    (project / "LICENSE").unlink()
    (project / "Makefile").chmod(0o755)
    (project / "competitor" / "backend" / "link.py").symlink_to("agent.py")
    shutil.move(project / "competitor" / "backend", project / "brain")
    (project / "competitor" / "backend").symlink_to("../brain")
    mine, theirs = own(project, home), reviewed(project, home)
    assert mine.returncode == theirs.returncode == HOLDS, mine.stdout + theirs.stdout


def test_bytecode_of_the_sources_holds_for_the_owner_who_runs_them(baked: Path, home: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(baked, project)
    assert list((project / "competitor").rglob("*.pyc"))
    assert own(project, home).returncode == HOLDS
    done = reviewed(project, home)
    assert done.returncode == NOT_SHOWN
    assert "delete the __pycache__ folders" in done.stdout


def test_on_a_file_system_without_modes_they_do_not_count_for_the_owner(project: Path, home: Path) -> None:
    make_all_executable(project)
    write(project / ".git" / "config", b"[core]\n\trepositoryformatversion = 0\n\tfileMode = false\n")
    assert own(project, home).returncode == HOLDS


# The reviewer's verify runs no code of the repo.


PLANTED = (
    *("competitor/__init__.py", "competitor/cli/__init__.py", "competitor/cli/verify.py", "competitor/__main__.py"),
    *("sitecustomize.py", "usercustomize.py", "conftest.py", "setup.py", "tests/__init__.py", "tests/conftest.py"),
    *("json.py", "hashlib.py", "argparse.py", "unicodedata.py", "pathlib.py", "competitor.py"),
    *("tools/__init__.py", "tools/verify.py", "tools/trusted.py", "templates_variants/__init__.py"),
    *("templates_variants/engine/__init__.py", "competitor/backend/__init__.py", ".janus/verify.py"),
)


def test_nothing_of_the_repo_runs_when_a_reviewer_looks_at_it(project: Path, home: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"open({str(mark)!r}, 'w').close()\n"
    for path in PLANTED:
        write(project / path, text.encode())
    write(project / "evil.pth", f"import os; {text}".encode())
    write(project / "cookiecutter.json", b'{"_template_version": "0.3.0", "_extensions": ["conftest"]}')
    git("init", "-q", cwd=project, home=home)
    for setting in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand"):
        git("config", setting, f"touch {mark}", cwd=project, home=home)
    done = reviewed(project, home)
    assert not mark.exists()
    assert done.returncode == DIFFERS
    assert "competitor/__init__.py: edited" in done.stdout
    assert "Not compared; read these files yourself: " in done.stdout
    for path in ("sitecustomize.py", "conftest.py", "json.py", "evil.pth"):
        assert path in done.stdout.split("read these files yourself: ")[1]
    subprocess.run([sys.executable, "conftest.py"], cwd=project, check=True)
    assert mark.exists()  # proves that the planted code leaves a mark when it runs


def test_it_changes_nothing_in_the_repo_and_nothing_in_the_checkout(project: Path, home: Path) -> None:
    before = sorted(path.as_posix() for path in project.rglob("*"))
    caches = set(TEMPLATE.glob("{{*}}/**/__pycache__"))
    reviewed(project, home)
    assert sorted(path.as_posix() for path in project.rglob("*")) == before
    assert set(TEMPLATE.glob("{{*}}/**/__pycache__")) == caches


def test_its_help_says_the_exit_codes(home: Path) -> None:
    done = run("tools.verify", "--help", cwd=TEMPLATE, home=home)
    assert done.returncode == 0
    for said in ("0 the contract files are identical", "1 they differ", "2 the check was not possible"):
        assert said in done.stdout


def test_the_repo_s_verify_imports_nothing_else_of_the_repo() -> None:
    text = (TEMPLATE / "{{cookiecutter.project_slug}}" / "competitor" / "cli" / "verify.py").read_text(encoding="utf-8")
    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported <= set(sys.stdlib_module_names)


# What the template and a release record.


def test_contract_files_are_the_bytes_of_the_template(each: Path) -> None:
    """Jinja changes no contract file, so the hash of a file is the same for all answers to the template's questions."""
    variant = str(record(each)["backend"])
    found = contract.sources(TEMPLATE, variant)
    assert contract.rendered(TEMPLATE, found) == []
    assert {path: (each / path).read_bytes() for path in found} == {
        path: file.read_bytes() for path, file in found.items()
    }
    assert record(each)["files"] == contract.hashes(TEMPLATE, variant)


def test_a_contract_file_with_jinja_that_is_rendered_is_refused(tmp_path: Path) -> None:
    copy_template(tmp_path)
    write(tmp_path / "{{cookiecutter.project_slug}}" / "competitor" / "about.txt", b"{{ cookiecutter.author }}\n")
    with pytest.raises(ValueError, match=r"competitor/about\.txt is rendered by Jinja"):
        contract.hashes(tmp_path, "proxy")
    write(tmp_path / "{{cookiecutter.project_slug}}" / "competitor" / "about.py", b"'{{ not rendered }}'\n")
    assert contract.rendered(tmp_path, contract.sources(tmp_path, "proxy")) == ["competitor/about.txt"]


def test_the_record_has_the_zones_and_the_modes(baked: Path) -> None:
    assert record(baked)["zones"] == lines()
    assert record(baked)["executable"] == []


@pytest.fixture(scope="module")
def last_release(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repo of version 0.2.0, made by that version. Tests copy it."""
    folder = tmp_path_factory.mktemp("last")
    bundle = TEMPLATE / "tests" / "updating" / "older" / "0.2.0.bundle"
    git("clone", "-q", "-b", "main", str(bundle), str(folder / "template"), cwd=folder, home=home)
    (folder / "out").mkdir()
    return bake(folder / "out", home, {"backend": "tools"}, folder / "template")


def test_a_repo_of_the_last_release_holds_by_its_digest(last_release: Path, home: Path) -> None:
    done = reviewed(last_release, home)
    assert done.returncode == HOLDS, done.stdout
    assert "janus-template 0.2.0, variant tools" in done.stdout
    assert f"release 0.2.0, according to {LOCK}" in done.stdout


@pytest.mark.parametrize("with_record", [False, True], ids=["the file", "the file and the record"])
def test_an_edit_in_a_repo_of_the_last_release_is_named(
    with_record: bool, last_release: Path, home: Path, tmp_path: Path
) -> None:
    project = copy(last_release, tmp_path / "project")
    path = "competitor/core/chat.py"
    append(project / path)
    if with_record:
        files = {**record(project)["files"], path: trusted_verify.digest((project / path).read_bytes())}  # type: ignore[dict-item]
        write_record(project, files=files)
    done = reviewed(project, home)
    assert done.returncode == DIFFERS
    assert f"{path}: edited" in done.stdout
    assert (f"{RECORD}: has another hash of {path}" in done.stdout) == with_record


@pytest.fixture(scope="module")
def released(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the template after `make release`. Tests copy it."""
    checkout = tmp_path_factory.mktemp("released")
    copy_template(checkout)
    done = run("tools.release", cwd=checkout, home=home)
    assert done.returncode == 0, done.stderr
    for name in VARIANTS:
        assert f"{name:<12} sha256:{release(checkout)['digests'][name]}\n" in done.stdout
    return checkout


def version(checkout: Path) -> str:
    found: str = json.loads((checkout / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
    return found


def test_a_release_keeps_the_digests_of_the_ones_before(released: Path) -> None:
    before = json.loads((TEMPLATE / LOCK).read_text(encoding="utf-8"))
    lock = json.loads((released / LOCK).read_text(encoding="utf-8"))
    assert lock["releases"].keys() == {*before["releases"], version(released)}
    assert lock["releases"]["0.2.0"] == before["releases"]["0.2.0"]
    assert lock["releases"][version(released)]["digests"].keys() == VARIANTS.keys()


def test_a_checkout_of_a_release_says_so(released: Path, project: Path, home: Path) -> None:
    done = reviewed(project, home, released)
    assert done.returncode == HOLDS, done.stdout
    assert f"release {version(released)}, according to this checkout and its {LOCK}" in done.stdout


def test_a_checkout_that_is_not_the_release_shows_nothing(
    released: Path, project: Path, home: Path, tmp_path: Path
) -> None:
    checkout = copy(released, tmp_path / "checkout")
    append(checkout / "{{cookiecutter.project_slug}}" / CORE)
    append(project / CORE)
    done = reviewed(project, home, checkout)
    assert done.returncode == NOT_SHOWN
    assert f"the files of this checkout are not those of release {version(released)}" in done.stdout


@pytest.mark.parametrize("way", ["clean", "edited", "edited with its record"])
def test_a_later_checkout_knows_the_release_by_its_digest_alone(
    way: str, released: Path, project: Path, home: Path, tmp_path: Path
) -> None:
    """Two releases later, the lock has only the release's digest, and no longer the list of the release's files.

    Verify then uses the list in the repo's record, but only if that list has the release's digest.
    """
    checkout = copy(released, tmp_path / "checkout")
    lock = json.loads((checkout / LOCK).read_text(encoding="utf-8"))
    lock.update(template_version="9.9.8", files={"CONTRACT.md": "0" * 64})
    (checkout / LOCK).write_text(json.dumps(lock), encoding="utf-8")
    asked = (checkout / "cookiecutter.json").read_text(encoding="utf-8")
    (checkout / "cookiecutter.json").write_text(asked.replace(version(checkout), "9.9.9"), encoding="utf-8")
    if way == "edited":
        edit(project)
    if way == "edited with its record":
        edit_the_record_as_well(project)
    done = reviewed(project, home, checkout)
    assert done.returncode == (HOLDS if way == "clean" else DIFFERS), done.stdout
    named = {
        "clean": "HOLDS",
        "edited": f"{CORE}: edited",
        "edited with its record": "contract files: their digest differs from the release",
    }
    assert named[way] in done.stdout


def test_a_lock_of_the_form_of_the_last_release_is_read(
    released: Path, last_release: Path, home: Path, tmp_path: Path
) -> None:
    checkout = copy(released, tmp_path / "checkout")
    lock = json.loads((TEMPLATE / LOCK).read_text(encoding="utf-8"))
    del lock["releases"]
    (checkout / LOCK).write_text(json.dumps(lock), encoding="utf-8")
    assert reviewed(last_release, home, checkout).returncode == HOLDS
