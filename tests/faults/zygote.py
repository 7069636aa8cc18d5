"""One process with everything imported, from which each run is forked: a real process, without the second that imports take.

    python -m tests.faults.zygote FD

On the socket FD each request is one packet: JSON, with the writing end of a pipe for the child. The answer is the
child's process id and a descriptor of the process itself, by which it can be killed and waited for and nothing else can.
No thread, engine or connection exists here, so that a child starts as a process of its own would.

A child of task `nurse` gets a socket instead: it makes the home of one operation, does the operation once, unharmed, and then
serves as this process does. Its children find every statement compiled: half of what a run would take else.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

from sqlalchemy.orm import configure_mappers

from tests.faults import child
from tests.faults.operations import examined_once

PACKET = 1 << 16


def main() -> None:
    configure_mappers()
    examined_once()
    serve(socket.socket(fileno=int(sys.argv[1])))


def serve(server: socket.socket) -> None:
    """Until the other end is closed."""
    gc.freeze()
    while True:
        data, descriptors, _, _ = socket.recv_fds(server, PACKET, 1)
        if not data:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        process = os.fork()
        if process == 0:
            server.close()
            _run(json.loads(data), descriptors[0])
        handle = os.pidfd_open(process)
        socket.send_fds(server, [str(process).encode()], [handle])
        os.close(handle)
        os.close(descriptors[0])


def _run(request: dict, told: int) -> None:
    """Never returns."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.set_inheritable(told, False)
        if request["task"] == "nurse":
            _nurse(request, socket.socket(fileno=told))
        else:
            child.main(request, told)
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it was, it is told where it can be read
        os.write(told, json.dumps({"error": traceback.format_exc()[-4000:]}).encode() + b"\n")
    finally:
        os._exit(status)


def _nurse(request: dict, server: socket.socket) -> None:
    with Path(os.devnull).open("wb") as nowhere:
        child.main(request, nowhere.fileno())
    threads = os.listdir("/proc/self/task")  # noqa: PTH208 - numbers
    if len(threads) > 1:
        raise RuntimeError(f"{len(threads)} threads would not be in a child")
    server.send(b'{"nursing": true}')
    serve(server)


if __name__ == "__main__":
    main()
