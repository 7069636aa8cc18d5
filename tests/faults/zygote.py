"""One process with everything imported, from which each run is forked: a real process, without the second that imports take.

    python -m tests.faults.zygote FD

On the socket FD each request is one packet: JSON, with the writing end of a pipe for the child. The answer is the
child's process id and a descriptor of the process itself, by which it can be killed and waited for and nothing else can.
No thread, engine or connection exists here, so that a child starts as a process of its own would.
"""

import contextlib
import json
import os
import signal
import socket
import sys
import traceback

from tests.faults import child

PACKET = 1 << 16


def main() -> None:
    server = socket.socket(fileno=int(sys.argv[1]))
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


def _run(request: dict, pipe: int) -> None:
    """Never returns."""
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.set_inheritable(pipe, False)
        child.main(request, pipe)
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it was, it is told where it can be read
        os.write(pipe, json.dumps({"error": traceback.format_exc()[-4000:]}).encode() + b"\n")
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
