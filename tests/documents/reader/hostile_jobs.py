"""Jobs that misbehave, loaded into the reader's process by the tests of its confinement alone."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from hub.documents.reader.jobs import Answer


def _tried(action):
    """What came of it: the error's class and number, or that it worked."""
    try:
        action()
    except OSError as error:
        return Answer(head={"error": type(error).__name__, "errno": error.errno})
    return Answer(head={"error": None})


def spin(data, arguments):
    while True:
        pass


def sleep(data, arguments):
    time.sleep(60)


def allocate(data, arguments):
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))


def connect(data, arguments):
    return _tried(lambda: socket.create_connection(("127.0.0.1", 9), timeout=1))


def make_socket_pair(data, arguments):
    return _tried(socket.socketpair)


def write_file(data, arguments):
    return _tried(lambda: open(arguments["path"], "w").close())  # noqa: PTH123


def read_file(data, arguments):
    return _tried(lambda: open(arguments["path"], "rb").close())  # noqa: PTH123


def remove_file(data, arguments):
    return _tried(lambda: os.unlink(arguments["path"]))  # noqa: PTH108


def run_program(data, arguments):
    return _tried(lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]))


def run_subprocess(data, arguments):
    return _tried(lambda: subprocess.run(["/bin/true"], check=True))


def fork(data, arguments):
    return _tried(os.fork)


def kill_parent(data, arguments):
    return _tried(lambda: os.kill(os.getppid() or arguments["pid"], signal.SIGKILL))


def kill_given(data, arguments):
    return _tried(lambda: os.kill(arguments["pid"], signal.SIGKILL))


def start_thread(data, arguments):
    try:
        threading.Thread(target=time.time).start()
    except RuntimeError as error:
        return Answer(head={"error": str(error)})
    return Answer(head={"error": None})


def trace(data, arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    return Answer(head={"answer": libc.ptrace(16, arguments["pid"], 0, 0), "errno": ctypes.get_errno()})


def raise_limits(data, arguments):
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
    except ValueError as error:  # what the resource module makes of EPERM
        return Answer(head={"error": str(error)})
    return Answer(head={"error": None})


def change_input(data, arguments):
    return _tried(lambda: os.pwrite(3, b"changed", 0))


def crash(data, arguments):
    ctypes.string_at(0)


def abort(data, arguments):
    os.abort()


def write_too_much(data, arguments):
    return _tried(lambda: [os.write(4, bytes(16 * 1024 * 1024)) for _ in range(100)])


def answer_too_much(data, arguments):
    part = bytes(16 * 1024 * 1024)
    return Answer(body_to=lambda output: [output.write(part) for _ in range(20)])


def garble(data, arguments):
    os.write(4, arguments["garbage"].encode("latin-1"))
    os._exit(0)


def lie(data, arguments):
    return Answer(head=arguments["head"], body=arguments["body"].encode())


def environment(data, arguments):
    return Answer(head={"environment": sorted(os.environ), "size": len(data)})


def open_descriptors(data, arguments):
    found = []
    for fd in range(1024):
        try:
            os.fstat(fd)
        except OSError:
            continue
        found.append(fd)
    return Answer(head={"fds": found})


def nothing(data, arguments):
    return Answer()


JOBS = {
    name: job
    for name, job in list(globals().items())
    if callable(job) and not name.startswith("_") and name != "Answer"
}
