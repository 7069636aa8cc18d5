"""How a reader's child gives up its rights: Linux only, through ctypes, no library beyond libc.

Two moments. `confine_parent` runs once in the process that forks the children (its namespaces are inherited, so a job
pays nothing for them); `confine_child` runs in each child before it looks at a hostile byte. Each answers with the
guards it tried, a missing one included: nothing is given up silently.
"""

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Callable

from hub.documents.reader.results import Guard

MEMORY_BYTES = 512 * 1024 * 1024
"""What a job may map beyond what the process had before it."""
CPU_SECONDS = 10
WALL_SECONDS = 15
OUTPUT_BYTES = 256 * 1024 * 1024

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_SIGKILL = 9
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000
_PROT_EXEC = 4

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Allowed system calls as (x86_64, aarch64); None where the architecture has no such call. Everything else answers
# EPERM: no opening, creating, renaming or removing of files, no sockets, no new process or thread, no exec, no ptrace.
_ALLOWED = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "newfstatat": (262, 79),
    "lseek": (8, 62), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "pread64": (17, 67), "pwrite64": (18, 68),
    "readv": (19, 65), "writev": (20, 66), "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "time": (201, None), "getpid": (39, 172), "gettid": (186, 178), "exit": (60, 93),
    "exit_group": (231, 94), "uname": (63, 160), "ftruncate": (77, 46), "getrusage": (98, 165),
    "sysinfo": (99, 179), "sigaltstack": (131, 132), "futex": (202, 98), "sched_getaffinity": (204, 123),
    "getrandom": (318, 278), "rseq": (334, 293), "membarrier": (324, 283), "restart_syscall": (219, 128),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
}  # fmt: skip
# Allowed unless they ask for memory that can be executed: the argument's number is 2 in both.
_ALLOWED_WITHOUT_EXEC = {"mmap": (9, 222), "mprotect": (10, 226)}
# Allowed only for the child itself (abort() needs it).
_TGKILL = (234, 131)


def confine_parent() -> list[Guard]:
    """Leave the network and the user's own namespace. To be called with one thread, after all imports."""
    return [
        _attempt("no core dumps", _no_core_dumps),
        _attempt("no new privileges", lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1)),
        _attempt("own user, network and IPC namespaces", _leave_namespaces),
    ]


def confine_child(*, memory: int = MEMORY_BYTES, cpu: int = CPU_SECONDS, parent: int) -> list[Guard]:
    """Take the limits, then the system call filter; no file can be opened afterwards.

    `memory` is in bytes beyond the present address space, `cpu` in seconds, `parent` the process whose end is this
    one's end.
    """
    return [
        _attempt("ends with its parent", lambda: _die_with(parent)),
        _attempt("memory limit", lambda: _limit(resource.RLIMIT_AS, _address_space() + memory)),
        _attempt("processor time limit", lambda: resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))),
        _attempt("output size limit", lambda: _limit(resource.RLIMIT_FSIZE, OUTPUT_BYTES)),
        _attempt("no further files or processes", _no_files_or_processes),
        _attempt("system call filter (seccomp)", _filter_system_calls),
    ]


def _attempt(name: str, action: Callable[[], None]) -> Guard:
    try:
        action()
    except (OSError, ValueError) as error:
        return Guard(name=name, active=False, detail=str(error))
    return Guard(name=name, active=True)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _prctl(option: int, argument: int) -> None:
    _check(_libc().prctl(option, ctypes.c_ulong(argument), 0, 0, 0))


def _no_core_dumps() -> None:
    _limit(resource.RLIMIT_CORE, 0)
    _prctl(_PR_SET_DUMPABLE, 0)


def _leave_namespaces() -> None:
    _check(_libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC))


def _die_with(parent: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _limit(what: int, value: int) -> None:
    resource.setrlimit(what, (value, value))


def _no_files_or_processes() -> None:
    _limit(resource.RLIMIT_NOFILE, 8)
    _limit(resource.RLIMIT_NPROC, 0)


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - no path object in a process about to lose opening
        return int(file.read().split()[0]) * resource.getpagesize()


def _filter_system_calls() -> None:
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        raise OSError(f"no filter is written for {machine}")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    program = _program(machine, os.getpid())
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    _check(_libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(header), 0, 0))


_LOAD, _JUMP_EQUAL, _JUMP_SET, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_X32 = 0x40000000


def _program(machine: str, pid: int) -> bytes:
    """Classic BPF over `struct seccomp_data`: the low halves of arguments are enough for flags and process ids."""
    column = list(_AUDIT_ARCH).index(machine)
    code = [
        _step(_LOAD, _ARCH_AT),
        _step(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
        _step(_JUMP_AT_LEAST, _X32, 0, 1),
        _step(_RETURN, _REFUSE),
    ]
    for numbers in _ALLOWED.values():
        if (number := numbers[column]) is not None:
            code += [_step(_JUMP_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    for numbers in _ALLOWED_WITHOUT_EXEC.values():
        code += _when(numbers[column], argument=2, test=_step(_JUMP_SET, _PROT_EXEC, 1, 0))
    code += _when(_TGKILL[column], argument=0, test=_step(_JUMP_EQUAL, pid, 0, 1))
    return b"".join([*code, _step(_RETURN, _REFUSE)])


def _when(number: int, *, argument: int, test: bytes) -> list[bytes]:
    """For this call alone: load the argument, allow or refuse by the test (true: skip 1 to refuse, see callers)."""
    return [
        _step(_JUMP_EQUAL, number, 0, 4),
        _step(_LOAD, _ARGUMENTS_AT + 8 * argument),
        test,
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _REFUSE),
    ]


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
