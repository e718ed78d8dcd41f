"""A script that gives up its privileges and then replaces itself with a program that is not trusted.
Contract file: replaced by updates.

    python -I confined.py CPU_SECONDS MEMORY_BYTES FILE_BYTES OPEN_FILES PROGRAM

On Linux, the program has no network, cannot start processes or threads, and cannot reach other processes. However,
it can read every file that its user can read. This script cannot prevent that.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from contextlib import suppress

_NOBODY = 65534
_DROP_CAPABILITY, _NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 24, 38, 22, 2  # prctl
_CAPABILITIES = 64  # more than exist
# System call numbers of socket, clone, fork, vfork, clone3, ptrace, kill, tkill, tgkill, process_vm_readv,
# process_vm_writev, pidfd_send_signal. The first entry is the kernel's number of the architecture.
_REFUSED = {
    "x86_64": (0xC000003E, (41, 56, 57, 58, 435, 101, 62, 200, 234, 310, 311, 424)),
    "aarch64": (0xC00000B7, (198, 220, 435, 117, 129, 130, 131, 270, 271, 424)),
}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # instructions of the kernel's packet filters
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_OTHER_CALLS = 0x40000000  # x86_64 numbers all calls again from here on


def _without_network_and_processes() -> None:
    if sys.platform != "linux" or platform.machine() not in _REFUSED:
        return
    machine, refused = _REFUSED[platform.machine()]
    last = len(refused) + 1  # instructions from the first comparison to the refusal
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 0, last + 2, machine), (_LOAD, 0, 0, 0), (_AT_LEAST, last, 0, _OTHER_CALLS)]
    steps += [(_EQUAL, last - 1 - place, 0, number) for place, number in enumerate(refused)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    described = struct.pack("HP", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, described, 0, 0):
        raise OSError(ctypes.get_errno(), "this kernel does not let a process install a seccomp filter")


def _without_root(program: str) -> None:
    """If run as root: switches to `nobody` if that user can read Python's files, or else drops root's privileges."""
    if os.getuid() != 0 or not hasattr(os, "setresuid"):
        return
    with suppress(OSError):  # root has no capabilities in some containers
        os.setgroups([])
        os.setresuid(_NOBODY, _NOBODY, 0)
        reachable = all(os.access(path, os.R_OK, effective_ids=True) for path in (sys.executable, os.__file__))
        os.setresuid(0, 0, 0)
        if reachable:
            for path in (os.path.dirname(program), program):
                os.chown(path, _NOBODY, _NOBODY)
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        elif sys.platform == "linux":
            libc = ctypes.CDLL(None)
            for capability in range(_CAPABILITIES):
                libc.prctl(_DROP_CAPABILITY, capability, 0, 0, 0)


def main(cpu_seconds: str, memory: str, file_size: str, open_files: str, program: str) -> None:
    _without_root(program)
    limits = {
        resource.RLIMIT_CPU: int(cpu_seconds),
        resource.RLIMIT_AS: int(memory),
        resource.RLIMIT_FSIZE: int(file_size),
        resource.RLIMIT_NOFILE: int(open_files),
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        with suppress(ValueError, OSError):  # macOS lists some limits that it does not support
            resource.setrlimit(kind, (most, most))
    _without_network_and_processes()
    os.execv(sys.executable, [sys.executable, "-I", "-B", "-X", "utf8", program])  # noqa: S606 - its purpose


if __name__ == "__main__":
    main(*sys.argv[1:])
