"""Ways to cheat that both the repo's own verify and the reviewer's verify must report."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .repos import CORE, append, bytecode, link_away, write

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
    """A way to cheat: the function that does it, and the text that the reports must contain."""

    do: Callable[[Path], None]
    named: str


UNKNOWN = "unknown, not a file of the template"
CASE = "differs only in case from"
SOURCELESS = "bytecode without a source"


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
