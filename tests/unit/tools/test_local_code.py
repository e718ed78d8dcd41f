"""Tests of `run_code` on this machine: what a program can do, and that it can reach nothing else (line L)."""

import asyncio
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from competitor.core.server.app import _warn_of_missing_tools
from competitor.core.settings import Settings
from competitor.core.tools.builtin import confined, local_code
from competitor.core.tools.tool import Result, tool
from competitor.core.tools.toolbox import Toolbox

from ...template_path import TEMPLATE
from .escapes import DEPENDS_ON_KERNEL, ROOT_ONLY, WAYS
from .test_builtin import names

REFUSAL = local_code.why_not()
pytestmark = pytest.mark.skipif(REFUSAL is not None, reason=f"`run_code` is not offered here: {REFUSAL}")


def run_code(code: str, seconds: float = 60) -> Result:
    toolbox = Toolbox([tool(local_code.run_code)], seconds=seconds)
    return asyncio.run(toolbox.run("run_code", json.dumps({"code": code}), lambda _: None))


def test_code_is_run_and_its_failure_is_told() -> None:
    assert run_code("print(2 ** 100)") == Result(f"{2**100}\n", details={"exit_code": 0})
    failed = run_code("print('so far')\nraise SystemExit(3)")
    assert failed == Result("so far\n(exit code 3)", "error", {"exit_code": 3})
    assert "ZeroDivisionError" in run_code("1 / 0").text


# Each line is a program of its own kind that people ask for.
USUAL = """
import asyncio, csv, datetime, decimal, fractions, hashlib, json, random, re, statistics, time, uuid, zoneinfo
async def later(): await asyncio.sleep(0.01); return 4
assert asyncio.run(later()) == 4
import sqlite3; sqlite3.connect('x.db').execute('create table a (b)')
import tempfile; tempfile.NamedTemporaryFile('w').write('x')
import pathlib, shutil; pathlib.Path('a').mkdir(); pathlib.Path('a/b').write_text('x'); shutil.copyfile('a/b', 'c')
shutil.rmtree('a'); shutil.move('c', 'd'); assert open('d').read() == 'x'
import zipfile; zipfile.ZipFile('z.zip', 'w').write('d')
import zlib, gzip, bz2, lzma, csv; gzip.open('g.gz', 'w').write(b'x')
import multiprocessing, threading, subprocess, socket, ssl, urllib.request, http.client, logging, unittest
import signal; signal.alarm(0)
import platform; assert platform.system() == 'Linux'
time.sleep(0.01); assert uuid.uuid4() != uuid.uuid4(); assert random.SystemRandom().random() < 1
open('/dev/null', 'w').write('x'); assert len(open('/dev/urandom', 'rb').read(8)) == 8
import ctypes, mmap, select, os; assert os.cpu_count(); os.get_terminal_size if False else None
import time; print(time.strftime('%Y'), datetime.datetime.now(zoneinfo.ZoneInfo('UTC')).year)
"""


def test_the_usual_work_is_possible() -> None:
    result = run_code(USUAL)
    assert result.status == "ok", result.text
    year, again = result.text.split()
    assert year == again


def test_code_inherits_no_variable_and_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", "canary")
    shown = run_code("import os; open('x', 'w').write('y'); print(os.getcwd()); print(dict(os.environ))").text
    folder, _, variables = shown.partition("\n")
    assert "canary" not in variables
    assert not Path(folder).exists()


LIMITS = {
    "memory": ("x = bytearray(2 * 10**9)", "MemoryError"),
    "the size of a file": ("open('x', 'wb').write(b'y' * 10**8)", "File too large"),
    "open files": ("a = [open('main.py') for _ in range(1000)]", "Too many open files"),
    "output": ("while True: print('spam' * 1000)", "it printed too much"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_code_has_a_limit_of(limit: str) -> None:
    code, said = LIMITS[limit]
    result = run_code(code)
    assert result.status == "error"
    assert said in result.text or "cut here" in result.text


def test_code_that_prints_faster_than_it_is_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, output may fill asyncio's buffer; asyncio then stops reading and misses the process's end."""
    read = local_code._read

    async def late(process: asyncio.subprocess.Process) -> bytes:
        for _ in range(10):
            time.sleep(0.05)  # noqa: ASYNC251 - a busy machine
            await asyncio.sleep(0)
        return await read(process)

    monkeypatch.setattr(local_code, "_read", late)
    assert "cut here" in run_code(LIMITS["output"][0]).text


def test_code_has_a_limit_of_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_code, "MAX_CODE_CPU_SECONDS", 1)
    assert "stopped by SIG" in run_code("while True: pass").text


def test_code_that_takes_too_long_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert "did not end within 1 s" in run_code("import time; time.sleep(3600)", seconds=1).text
    assert [line for line in _command_lines() if str(tmp_path) in line] == []
    assert list(tmp_path.iterdir()) == []


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


# Ways out, as root and as an ordinary user.


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def confining(folder: Path, user: str, how: str, *programs: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.unit.tools.confining", str(folder), user, how]
    ran = subprocess.run(
        command, input=json.dumps(programs), capture_output=True, text=True, cwd=TEMPLATE, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


USERS = [pytest.param("root", marks=pytest.mark.skipif(os.getuid() != 0, reason="needs root")), "user"]
ESCAPES = Path(__file__).with_name("escapes.py").read_text(encoding="utf-8")
LEAVE_THINGS = """
import os
for number in range(2000): open(f'left-{number}', 'w').close()
os.mkdir('closed'); open('closed/x', 'w').close(); os.symlink('/', 'closed/link'); os.symlink('..', 'up')
for _ in range(1500): os.mkdir('deep-folder'); os.chdir('deep-folder')
os.mkdir('shut', 0); print('left')
"""


@pytest.mark.torture("L", "ways out of the local sandbox, for each user, with and without namespaces")
@pytest.mark.parametrize("how", ["confined", "without-namespaces"])
@pytest.mark.parametrize("user", USERS)
def test_nothing_outside_can_be_reached(user: str, how: str, open_folder: Path, record_property: Any) -> None:
    found = confining(open_folder, user, how, ESCAPES, LEAVE_THINGS)
    assert found["refusal"] is None
    (status, text), left = found["results"]
    assert status == "ok", text
    assert json.loads(text) == {"tried": len(WAYS), "worked": []}
    assert left == ["ok", "left\n"]
    assert found["victim_alive"]
    assert found["left"] == []
    assert (open_folder / "outside" / "cut").read_text() != ""
    record_property("count", len(WAYS))


@pytest.mark.parametrize("user", USERS)
def test_each_way_works_without_the_confinement(user: str, open_folder: Path) -> None:
    found = confining(open_folder, user, "unconfined", ESCAPES)
    names = {function.__name__ for function in WAYS} - DEPENDS_ON_KERNEL - (ROOT_ONLY if user == "user" else set())
    assert len(names) > 40
    assert names - set(json.loads(found["results"][0][1])["worked"]) == set()


def test_the_folder_has_a_maximum_size(open_folder: Path) -> None:
    """Only where namespaces are allowed, which put it into memory."""
    fill = "for number in range(100): open(str(number), 'wb').write(bytes(10**6))"
    count = "for number in range(20_000): open(str(number), 'w').close()"
    for status, text in confining(open_folder, "user", "confined", fill, count)["results"]:
        if status == "ok":
            pytest.skip("this kernel allows no namespaces")
        assert "No space left on device" in text


# Where it cannot be confined.


@pytest.fixture
def unknown() -> Iterator[None]:
    local_code.why_not.cache_clear()
    yield
    local_code.why_not.cache_clear()


BREAKS = {
    "Landlock": ("_CREATE_RULESET, _ADD_RULE, _RESTRICT = 444,", "_CREATE_RULESET, _ADD_RULE, _RESTRICT = 4444,"),
    "seccomp": ("_SECCOMP, _FILTER, _PARENT", "_FILTER, _SECCOMP, _PARENT"),
    "the system calls of": ('"x86_64": (', '"x86_65": ('),
    "cannot be read": ("os.setgroups([])", "os.setgroups([]); sys.executable = '/nowhere'"),
}


@pytest.mark.usefixtures("unknown")
@pytest.mark.parametrize("why", BREAKS)
def test_a_machine_that_cannot_confine_a_program_does_not_offer_it(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if why == "cannot be read" and os.getuid() != 0:
        pytest.skip("only root becomes another user")
    script = tmp_path / "confined.py"
    text = local_code._CONFINED.read_text(encoding="utf-8")
    assert BREAKS[why][0] in text
    script.write_text(text.replace(*BREAKS[why]), encoding="utf-8")
    monkeypatch.setattr(local_code, "_CONFINED", script)
    said = local_code.why_not()
    assert said is not None
    assert why in said
    assert "\n" not in said
    _warn_of_missing_tools(Settings.from_environment({"JANUS_LOCAL_CODE": "1"}))
    assert "`run_code` is not offered" in caplog.text
    assert names({"JANUS_LOCAL_CODE": "1"}) == names({})
    result = run_code("print('it ran')")
    assert result.status == "error"
    assert "it ran" not in result.text


@pytest.mark.usefixtures("unknown")
def test_other_systems_do_not_offer_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert local_code.why_not() == "only Linux has what it takes"


# What a program leaves behind.


def test_folders_of_any_depth_are_deleted(tmp_path: Path) -> None:
    """Deeper than Python's recursion and a path may be; closed folders and links to folders are among them."""
    folder, kept = tmp_path / "code", tmp_path / "kept"
    folder.mkdir()
    kept.mkdir()
    (kept / "file").write_text("x")
    deepest = os.open(folder, os.O_RDONLY)
    for _ in range(5_000):
        os.mkdir("a-folder", dir_fd=deepest)
        os.symlink(kept, "link", dir_fd=deepest)
        inner = os.open("a-folder", os.O_RDONLY, dir_fd=deepest)
        os.close(deepest)
        deepest = inner
    os.mkdir("shut", 0, dir_fd=deepest)
    os.close(deepest)
    for number in range(2_000):
        (folder / f"{number}").touch()
    local_code.clear(str(folder))
    assert not folder.exists()
    assert (kept / "file").read_text() == "x"


def test_files_are_deleted_outside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop goes on, and the result comes, while the files are still being deleted."""
    cleared, may_clear, clear = threading.Event(), threading.Event(), local_code.clear
    threads = []

    def late(folder: str) -> None:
        may_clear.wait(60)
        threads.append(threading.current_thread())
        clear(folder)
        cleared.set()

    monkeypatch.setattr(local_code, "clear", late)
    monkeypatch.setattr(local_code, "MAX_CLEARING_SECONDS", 0.01)
    folder = run_code("import os; print(os.getcwd())").text.strip()
    assert Path(folder).exists()
    may_clear.set()
    assert cleared.wait(60)
    assert not Path(folder).exists()
    assert threads != [threading.main_thread()]


# The table of system calls.


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)])
def test_the_numbers_are_those_of_libseccomp(machine: str, number: int) -> None:
    """libseccomp is the reference of the numbers. Debian has it wherever it has apt."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("libseccomp is not installed")
    calls = confined.call_numbers(machine)
    assert len(calls) > 90
    for name, ours in calls.items():
        assert library.seccomp_syscall_resolve_name_arch(number, name.encode()) == ours, name
    assert not calls.keys() & {"socket", "connect", "clone", "clone3", "fork", "kill", "ptrace", "truncate", "chmod"}
