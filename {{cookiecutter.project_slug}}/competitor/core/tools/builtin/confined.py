"""A script that gives up nearly all rights and then replaces itself with a program that is not trusted. Linux only.
Contract file: replaced by updates.

    python -I confined.py CPU_SECONDS MEMORY_BYTES FILE_BYTES OPEN_FILES FOLDER_BYTES PROGRAM

The program can write in its own folder and read the files of Python. It cannot use the network, start a process or a
thread, or reach another process. The system calls are filtered (seccomp), and so are files (Landlock). Root becomes
`nobody`. Where the kernel allows namespaces, the program also sees no other files, processes and networks, and its
folder is in memory, with a maximum size. Without seccomp or Landlock, the script ends with an error, and runs nothing.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig

_NOBODY = 65534
_MAX_FILES = 10_000  # in the program's folder, if it is in memory

# The kernel's number of the architecture, and of the system call `pivot_root`.
_MACHINES = {"x86_64": (0xC000003E, 155), "aarch64": (0xC00000B7, 41)}
_ALLOWED = """
read 0 63, write 1 64, close 3 57, fstat 5 80, lseek 8 62, mmap 9 222, mprotect 10 226, munmap 11 215, brk 12 214,
mremap 25 216, msync 26 227, mincore 27 232, madvise 28 233, rt_sigaction 13 134, rt_sigprocmask 14 135,
rt_sigreturn 15 139, rt_sigpending 127 136, rt_sigtimedwait 128 137, rt_sigsuspend 130 133, sigaltstack 131 132,
restart_syscall 219 128, pread64 17 67, pwrite64 18 68, readv 19 65, writev 20 66, preadv 295 69, pwritev 296 70,
sendfile 40 71, copy_file_range 326 285, open 2 -, creat 85 -, openat 257 56, access 21 -, faccessat 269 48,
faccessat2 439 439, stat 4 -, lstat 6 -, newfstatat 262 79, statx 332 291, statfs 137 43, fstatfs 138 44,
readlink 89 -, readlinkat 267 78, getdents 78 -, getdents64 217 61, getcwd 79 17, chdir 80 49, fchdir 81 50,
mkdir 83 -, mkdirat 258 34, rmdir 84 -, unlink 87 -, unlinkat 263 35, rename 82 -, renameat 264 38, renameat2 316 276,
symlink 88 -, symlinkat 266 36, ftruncate 77 46, fallocate 285 47, fsync 74 82, fdatasync 75 83, flock 73 32,
fadvise64 221 223, umask 95 166, dup 32 23, dup2 33 -, dup3 292 24, fcntl 72 25, ioctl 16 29, close_range 436 436,
pipe 22 -, pipe2 293 59, socketpair 53 199, sendto 44 206, recvfrom 45 207, shutdown 48 210, eventfd2 290 19,
select 23 -, pselect6 270 72, poll 7 -, ppoll 271 73, epoll_create 213 -, epoll_create1 291 20, epoll_ctl 233 21,
epoll_wait 232 -, epoll_pwait 281 22, time 201 -, gettimeofday 96 169, clock_gettime 228 113, clock_getres 229 114,
clock_nanosleep 230 115, nanosleep 35 101, alarm 37 -, getitimer 36 102, setitimer 38 103, pause 34 -, times 100 153,
getpid 39 172, gettid 186 178, getppid 110 173, getpgrp 111 -, getpgid 121 155, getsid 124 156, getuid 102 174,
geteuid 107 175, getgid 104 176, getegid 108 177, getgroups 115 158, getresuid 118 148, getresgid 120 150,
getrlimit 97 163, prlimit64 302 261, getrusage 98 165, sysinfo 99 179, uname 63 160, sched_yield 24 124,
sched_getaffinity 204 123, getrandom 318 278, getcpu 309 168, arch_prctl 158 -, set_tid_address 218 96,
set_robust_list 273 99, rseq 334 293, futex 202 98, execve 59 221, exit 60 93, exit_group 231 94
"""  # name, number on x86_64, number on aarch64
# Calls that are allowed only with these values: which argument, which bits of it, and the values.
_OPEN_FLAGS = (0o1003, (0, 1, 2, 0o1001, 0o1002))  # Landlock before version 3 lets a file be cut that is only readable
_ONLY_WITH = {
    "open": (1, *_OPEN_FLAGS),
    "openat": (2, *_OPEN_FLAGS),
    "prlimit64": (0, 0xFFFFFFFF, (0,)),  # its own limits, not those of another process
    "socketpair": (1, 0xF, (1,)),  # streams: others could send to any address
    "ioctl": (1, 0xFFFFFFFF, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),  # is it a terminal, wait, inherit
    "fcntl": (1, 0xFFFFFFFF, (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)),  # not: send signals to a process
}
_NEWER_CALLS = 424  # from this number on, C libraries expect that a kernel may not have a call
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER, _PARENT_DEATH = 38, 22, 2, 1  # prctl
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06  # instructions of the kernel's packet filters
_ALLOW, _NOT_PERMITTED, _NOT_KNOWN = 0x7FFF0000, 0x00050001, 0x00050026  # the last two are EPERM and ENOSYS

_CREATE_RULESET, _ADD_RULE, _RESTRICT = 444, 445, 446  # Landlock's calls have the same numbers everywhere
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_RIGHTS = (0, 0x1FFF, 0x3FFF, 0x7FFF, 0x7FFF, 0xFFFF)  # by Landlock's version; later versions have the last
_NOT_IN_FOLDER = _EXECUTE | 1 << 6 | 1 << 9 | 1 << 11 | 1 << 15  # devices, sockets

_NEW_MOUNTS, _NEW_USER, _NEW_OTHERS = 0x20000, 0x10000000, 0x6E000000  # control groups, names, IPC, processes, network
_BIND, _PRIVATE, _NO_SETUID_NO_DEVICES, _DETACH = 0x1000 | 0x4000, 0x40000 | 0x4000, 2 | 4, 2

_libc = ctypes.CDLL(None, use_errno=True)


def call_numbers(machine: str) -> dict[str, int]:
    """The allowed system calls and their numbers on `x86_64` or `aarch64`."""
    column = list(_MACHINES).index(machine) + 1
    rows = [row.split() for row in _ALLOWED.split(",")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _readable() -> list[str]:
    """The files and folders that Python needs."""
    libraries = {os.path.dirname(path) for path in (os.path.dirname(os.__file__), sysconfig.get_path("platstdlib"))}
    system = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime")
    return sorted(path for path in {sys.executable, *libraries, *system} if os.path.exists(path))


def _devices() -> list[str]:
    return [f"/dev/{name}" for name in ("null", "zero", "random", "urandom")]


def _enter_namespaces(folder: str, most_bytes: int) -> None:
    """Moves this process into namespaces of its own, where only Python's files and an empty `folder` exist."""
    user, group = os.getuid(), os.getgid()
    if user == 0:
        _checked(_libc.unshare(_NEW_MOUNTS | _NEW_OTHERS), "unshare")
    else:
        _checked(_libc.unshare(_NEW_USER | _NEW_MOUNTS | _NEW_OTHERS), "unshare")
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    _mount("none", "/", "none", _PRIVATE)
    _mount("tmpfs", folder, "tmpfs", _NO_SETUID_NO_DEVICES, f"size={most_bytes},nr_inodes={_MAX_FILES},mode=755")
    os.makedirs(folder + folder)
    for path in _readable() + _devices():
        inside = folder + path
        if os.path.isdir(path):
            os.makedirs(inside, exist_ok=True)
        elif not os.path.exists(inside):
            os.makedirs(os.path.dirname(inside), exist_ok=True)
            with open(inside, "x", encoding="ascii"):
                pass
        _mount(path, inside, "none", _BIND)
    os.chdir(folder)
    _checked(_libc.syscall(_MACHINES[platform.machine()][1], b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", _DETACH), "umount")
    os.chdir(folder)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    words = (source.encode(), target.encode(), kind.encode())
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def _namespaces_allowed(folder: str, most_bytes: int) -> bool:
    """Whether a child can enter namespaces: a process that fails halfway could not go back."""
    child = os.fork()
    if child == 0:
        try:
            _enter_namespaces(folder, most_bytes)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def _go_on_in_child() -> None:
    """Returns in a child, the first process of the new namespace. The parent ends as the child ends."""
    child = os.fork()
    if child == 0:
        _libc.prctl(_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
        return
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code & 0xFF)


def _become_nobody(program: str) -> None:
    for path in (os.path.dirname(program), program):
        os.chown(path, _NOBODY, _NOBODY)
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    if not os.access(sys.executable, os.X_OK) or not os.access(os.__file__, os.R_OK):
        raise OSError(0, "Python's files cannot be read by the user `nobody`")


def _restrict_files(folder: str) -> None:
    """Lets this process read Python's files and write in `folder`, and reach no other file (Landlock)."""
    version = _checked(_libc.syscall(_CREATE_RULESET, None, 0, 1), "Landlock")
    handled = _RIGHTS[min(version, len(_RIGHTS) - 1)]
    network, signals = (3 if version >= 4 else 0), (3 if version >= 6 else 0)
    described = struct.pack("QQQ", handled, network, signals)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = _checked(_libc.syscall(_CREATE_RULESET, described, len(described), 0), "Landlock")
    rights = dict.fromkeys(_readable(), _EXECUTE | _READ_FILE | _READ_FOLDER)
    rights.update((path, _READ_FILE | _WRITE_FILE) for path in _devices())
    rights[folder] = handled & ~_NOT_IN_FOLDER
    for path, right in rights.items():
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        right &= handled if os.path.isdir(path) else _EXECUTE | _READ_FILE | _WRITE_FILE
        _checked(_libc.syscall(_ADD_RULE, rules, 1, struct.pack("=Qi", right, beneath), 0), f"Landlock: {path}")
        os.close(beneath)
    _checked(_libc.syscall(_RESTRICT, rules, 0), "Landlock")
    os.close(rules)


def _restrict_calls() -> None:
    """Refuses all system calls but those of `_ALLOWED`, for this process and what it becomes (seccomp)."""
    steps = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _MACHINES[platform.machine()][0]), (_RETURN, 0, 0, _NOT_PERMITTED)]
    steps += [(_LOAD, 0, 0, 0)]
    for name, number in call_numbers(platform.machine()).items():
        allow = [(_RETURN, 0, 0, _ALLOW)]
        if name in _ONLY_WITH:
            argument, bits, values = _ONLY_WITH[name]
            last = len(values)
            same = [(_EQUAL, last - place, 0, value) for place, value in enumerate(values)]
            allow = [
                (_LOAD, 0, 0, 16 + 8 * argument),
                (_AND, 0, 0, bits),
                *same,
                (_RETURN, 0, 0, _NOT_PERMITTED),
                *allow,
            ]
        steps += [(_EQUAL, 0, len(allow), number), *allow]
    steps += [(_AT_LEAST, 1, 0, _NEWER_CALLS), (_RETURN, 0, 0, _NOT_PERMITTED), (_RETURN, 0, 0, _NOT_KNOWN)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    described = struct.pack("HP", len(steps), ctypes.addressof(program))
    _checked(_libc.prctl(_SECCOMP, _FILTER, described, 0, 0), "seccomp")


def confine(program: str, cpu_seconds: int, memory: int, file_size: int, open_files: int, folder_size: int) -> None:
    """Gives up this process's rights, except those that `program`, a file, may have. Sizes are in bytes.

    Raises an OSError if this machine cannot confine a program.
    """
    if platform.machine() not in _MACHINES:
        raise OSError(0, f"the system calls of {platform.machine()} are not known")
    os.closerange(3, 2**16)
    os.umask(0o022)
    folder, root = os.path.dirname(program), os.getuid() == 0
    with open(program, "rb") as file:
        text = file.read()
    if _namespaces_allowed(folder, folder_size):
        _enter_namespaces(folder, folder_size)
        _go_on_in_child()
        with open(program, "wb") as file:
            file.write(text)
    if root:
        _become_nobody(program)
    limits = {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: file_size,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        resource.setrlimit(kind, (most, most))
    _checked(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    _restrict_files(folder)
    _restrict_calls()


def main() -> None:
    *limits, program = sys.argv[1:]
    try:
        confine(program, *map(int, limits))
    except OSError as error:
        sys.exit(f"{error.strerror or error}")
    os.execv(sys.executable, [sys.executable, "-I", "-B", "-X", "utf8", program])  # noqa: S606 - its purpose


if __name__ == "__main__":
    main()
