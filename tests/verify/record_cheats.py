"""Ways to cheat by changing the repo's record or its own verify: only the reviewer's verify can report them."""

import os
from pathlib import Path

from tools.trusted import verify as trusted_verify

from .cheats import CACHED, UNKNOWN, Cheat, delete, edit, make_executable
from .repos import CORE, RECORD, append, bytecode, link_away, record, write, write_record


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


CHEATS_OF_THE_REPO_S_OWN = {
    "the record is edited along with the file": Cheat(edit_the_record_as_well, f"{CORE}: edited"),
    "the edited record": Cheat(edit_the_record_as_well, f"{RECORD}: its hash of {CORE} is not that of this version"),
    "the record no longer names the file": Cheat(drop_the_file_from_the_record, f"{CORE}: missing"),
    "the record names a new file": Cheat(add_a_file_to_the_record, f"competitor/core/later.py: {UNKNOWN}"),
    "the record assigns a contract zone to the owner": Cheat(
        give_the_owner_a_zone_of_the_contract, f"competitor/core/later.py: {UNKNOWN}"
    ),
    "the edited zones": Cheat(give_the_owner_a_zone_of_the_contract, f"{RECORD}: its zones value is not"),
    "the record calls a file executable": Cheat(call_an_executable_file_so, f"{CORE}: executable now"),
    "git is told that modes do not count": Cheat(say_that_modes_do_not_count, f"{CORE}: executable now"),
    "its own verify is edited": Cheat(blind_its_own_verify, f"{CORE}: edited"),
    "the edited verify": Cheat(blind_its_own_verify, "competitor/cli/verify.py: edited"),
    "it claims to be another release": Cheat(claim_another_release, f"{CORE}: {UNKNOWN}"),
    "it claims another contract version": Cheat(claim_another_contract, f"{RECORD}: its contract_version value is not"),
}


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
    write_record(project, backend="/etc/passwd")  # a short one: long values are refused for their length


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
