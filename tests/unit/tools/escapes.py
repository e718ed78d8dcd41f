"""A program that tries to leave its confinement. It prints the names of the ways that worked, as JSON.

confining.py gives it to `run_code`, with a first line that sets AIMS: what to reach outside.
"""

import contextlib
import ctypes
import fcntl
import json
import mmap
import os
import platform
import resource
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

AIMS: dict[str, Any] = globals().get("AIMS", {})
SECRET, FOLDER, VICTIM, PORT = (AIMS.get(name, "") for name in ("secret", "folder", "victim", "port"))
CANARY = "canary-4711"
# Numbers of system calls on x86_64 and aarch64.
MACHINE = ["x86_64", "aarch64"].index(platform.machine())
libc = ctypes.CDLL(None, use_errno=True)
WAYS: list[Callable[[], object]] = []
ROOT_ONLY = {"change_root", "make_a_device", "mount_a_file_system"}
# These work without a confinement only if the kernel and the machine allow them to everybody.
DEPENDS_ON_KERNEL = {
    "connect_by_ipv6",
    "enter_a_namespace",
    "open_a_queue",
    "open_by_handle",
    "open_io_uring",
    "read_memory_by_a_call",
    "read_memory_by_a_file",
    "take_a_descriptor",
    "trace_a_process",
    "use_the_calls_of_32_bits",
    "use_the_other_numbers_of_calls",
}


def way(function: Callable[[], object]) -> Callable[[], object]:
    """Marks a way out. It worked if it returns something true."""
    WAYS.append(function)
    return function


def call(numbers: tuple[int, int], *arguments: Any) -> int:
    result = int(libc.syscall(numbers[MACHINE], *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result


# Reading what is not its own.


@way
def read_a_file() -> bool:
    return CANARY in Path(SECRET).read_text()


@way
def read_by_a_symbolic_link() -> bool:
    os.symlink(SECRET, "symbolic")
    return CANARY in Path("symbolic").read_text()


@way
def read_by_a_hard_link() -> bool:
    os.link(SECRET, "hard")
    return CANARY in Path("hard").read_text()


@way
def read_by_a_relative_path() -> bool:
    return CANARY in Path("../" * 30 + SECRET[1:]).read_text()


@way
def read_after_changing_the_folder() -> bool:
    before = Path.cwd()
    try:
        os.chdir(FOLDER)
        return CANARY in Path(Path(SECRET).name).read_text()
    finally:
        os.chdir(before)


@way
def read_by_the_folder_of_processes() -> bool:
    return CANARY in Path(f"/proc/self/root{SECRET}").read_text()


@way
def open_by_handle() -> bool:
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
    return call((303, 264), -100, SECRET.encode(), handle, ctypes.byref(ctypes.c_int()), 0) == 0


@way
def list_the_root() -> object:
    return os.listdir("/")


@way
def list_a_folder() -> object:
    return os.listdir(FOLDER)


@way
def read_the_users() -> object:
    return Path("/etc/passwd").read_text()


@way
def read_variables_of_any_process() -> bool:
    found = False
    for process in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found = found or CANARY.encode() in process.read_bytes()
    return found


@way
def read_a_command_line() -> object:
    return Path(f"/proc/{VICTIM}/cmdline").read_bytes()


@way
def read_memory_by_a_file() -> object:
    with open(f"/proc/{VICTIM}/mem", "rb") as file:
        return file


@way
def read_memory_by_a_call() -> bool:
    text = ctypes.create_string_buffer(8)
    here = struct.pack("QQ", ctypes.addressof(text), 8)
    there = struct.pack("QQ", 0, 8)
    try:
        return call((310, 270), VICTIM, here, 1, there, 1, 0) >= 0
    except OSError as error:
        return error.errno == 14  # the address is wrong, but the process may be read


@way
def trace_a_process() -> bool:
    return call((101, 117), 0x4206, VICTIM, 0, 0) == 0


@way
def take_a_descriptor() -> bool:
    return call((438, 438), call((434, 434), VICTIM, 0), 0, 0) > 0


# Reaching other processes.


@way
def signal_a_process() -> bool:
    os.kill(VICTIM, 0)
    return True


@way
def signal_its_parent() -> bool:
    os.kill(os.getppid() or 1, 0)
    return True


@way
def signal_everyone() -> bool:
    os.kill(-1, 0)
    return True


@way
def signal_its_group() -> bool:
    os.killpg(os.getpgrp(), 0)
    return True


@way
def signal_with_a_value() -> bool:
    return call((129, 138), VICTIM, 0, struct.pack("iii", 0, 0, -1) + bytes(116)) == 0


@way
def signal_a_thread() -> bool:
    return call((200, 130), VICTIM, 0) == 0


@way
def signal_by_a_descriptor() -> bool:
    return call((424, 424), call((434, 434), VICTIM, 0), 0, 0, 0) == 0


@way
def signal_by_the_owner_of_a_file() -> bool:
    reading, _ = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, VICTIM)
    return True


@way
def change_limits_of_a_process() -> object:
    return resource.prlimit(VICTIM, resource.RLIMIT_NOFILE)


@way
def change_its_priority() -> bool:
    os.setpriority(os.PRIO_PROCESS, VICTIM, 1)
    return True


@way
def choose_its_cores() -> bool:
    os.sched_setaffinity(VICTIM, os.sched_getaffinity(0))
    return True


@way
def share_memory() -> bool:
    return call((29, 194), 0, 4096, 0o1600) >= 0


@way
def open_a_queue() -> bool:
    return call((240, 180), b"escape", os.O_CREAT | os.O_RDWR, 0o600, 0) >= 0


@way
def use_the_keyring() -> bool:
    return call((250, 219), 0, -3, 1) > 0


# The network.


@way
def connect_by_tcp() -> bool:
    with socket.create_connection(("127.0.0.1", PORT), timeout=2):
        return True


@way
def connect_by_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as made:
        return made.fileno() > 0


@way
def send_by_udp() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        return made.sendto(b"x", ("127.0.0.1", PORT)) > 0


@way
def connect_by_a_socket_file() -> bool:
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(f"{FOLDER}/socket")
        return True


@way
def connect_by_an_abstract_name() -> bool:
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(f"\0{AIMS['name']}")
        return True


@way
def ask_the_kernel_by_netlink() -> bool:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as made:
        return made.fileno() > 0


@way
def send_from_a_pair() -> bool:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"x", f"{FOLDER}/datagrams") > 0


@way
def open_io_uring() -> bool:
    return call((425, 425), 1, bytes(120)) > 0


# Writing outside.


@way
def write_a_file() -> object:
    return Path(f"{FOLDER}/written").write_text("x")


def written_in(folder: str) -> object:
    path = Path(f"{folder}/escape-{os.getpid()}-{CANARY}")
    try:
        return path.write_text("x")
    finally:
        path.unlink(missing_ok=True)


@way
def write_in_the_temporary_folder() -> object:
    return written_in("/tmp")


@way
def write_in_memory() -> object:
    return written_in("/dev/shm")


@way
def make_a_folder() -> bool:
    Path(f"{FOLDER}/made").mkdir()
    return True


@way
def move_a_file_out() -> object:
    Path("moved").write_text("x")
    return shutil.move("moved", f"{FOLDER}/moved")


@way
def cut_a_file() -> bool:
    os.truncate(f"{FOLDER}/cut", 0)
    return True


@way
def cut_while_opening() -> bool:
    os.close(os.open(f"{FOLDER}/cut", os.O_RDONLY | os.O_TRUNC))
    return True


@way
def cut_a_file_that_it_may_read() -> bool:
    os.close(os.open("main.py", os.O_RDONLY | os.O_TRUNC))
    return True


@way
def change_a_mode() -> bool:
    os.chmod(f"{FOLDER}/cut", 0o777)  # noqa: S103
    return True


@way
def change_a_date() -> bool:
    os.utime(f"{FOLDER}/cut", (0, 0))
    return True


@way
def change_an_attribute() -> bool:
    os.setxattr(f"{FOLDER}/cut", "user.escape", b"x")
    return True


@way
def delete_a_file() -> bool:
    os.unlink(f"{FOLDER}/cut")
    return True


@way
def have_memory_beyond_its_limit() -> bool:
    return os.memfd_create("escape") > 0


# Other programs and other rights.


@way
def start_a_program() -> bool:
    return subprocess.run(["/bin/true"], check=True).returncode == 0


@way
def spawn_a_program() -> bool:
    return os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1] == 0


@way
def fork() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@way
def start_a_thread() -> bool:
    threading.Thread(target=print, kwargs={"end": ""}).start()
    return True


@way
def use_the_calls_of_32_bits() -> bool:
    """`getpid` by the interrupt of 32-bit programs on x86_64, which has numbers of its own."""
    return _machine_code(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3") > 0


@way
def use_the_other_numbers_of_calls() -> bool:
    """`getppid` by its x32 number; kernels without x32 do not know it."""
    return _machine_code(b"\xb8\x6e\x00\x00\x40\x0f\x05\xc3") >= 0


def _machine_code(code: bytes) -> int:
    if platform.machine() != "x86_64":
        return -1
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return int(function())


@way
def change_its_domain() -> bool:
    return call((135, 92), 0x0040000) >= 0  # personality: no random addresses


@way
def mount_a_file_system() -> bool:
    return int(libc.mount(b"none", b"/mnt", b"tmpfs", 0, None)) == 0 and int(libc.umount2(b"/mnt", 2)) == 0


@way
def make_a_device() -> bool:
    os.mknod(f"{FOLDER}/device", 0o20600, os.makedev(1, 3))
    return True


@way
def enter_a_namespace() -> bool:
    return call((272, 97), 0x10000000) == 0


@way
def change_root() -> bool:
    os.chroot(FOLDER)
    return True


@way
def become_another_user() -> bool:
    os.setresuid(-1, -1, -1)
    return True


def main() -> None:
    worked = []
    for function in WAYS:
        with contextlib.suppress(Exception):
            if function():
                worked.append(function.__name__)
    print(json.dumps({"tried": len(WAYS), "worked": worked}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
