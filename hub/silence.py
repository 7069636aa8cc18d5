"""A PostgreSQL that falls silent on an open connection is given up, instead of holding a request for as long as its proxy lets it.

A statement that has said nothing for a second may be slow, or the server, a proxy or the network may be gone without a word. So
the server is asked, on a connection of its own, the first thing that the protocol has to ask; only when it does not answer that
either is the connection closed, which fails the statement like any lost connection. What is slow is asked about more and more
seldom, and given more time to answer, so that no long command ends for one busy moment of the machine.

`tcp_user_timeout` sees a dead network while something is being sent; it sees no peer that takes what it is sent and is still.
"""

import socket
import struct
import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

QUIET_SECONDS = 1.0
"""How long a statement may say nothing before the server is asked."""
ANSWER_SECONDS = 0.6
"""How long it has to answer at first; with the time before, less than the 2 s in which a page says that it cannot be had."""
REMEMBERED_SECONDS = 1.0
"""For how long a server that was found silent is not connected to again."""
ASKS_FOR_TLS = struct.pack("!ii", 8, 80877103)
T = TypeVar("T")


class Silent(psycopg.OperationalError):
    """The server takes what it is sent and answers nothing."""

    def __init__(self) -> None:
        super().__init__("the database does not answer")


class Heard(psycopg.Connection[Any]):
    """A connection whose waits end when the server is silent."""

    _silent_until: float = 0.0
    """Of all connections of the process: whoever finds the server silent spares the others the time."""

    @classmethod
    def opened(cls, *args: Any, **more: Any) -> "Heard":
        """As `connect`; refused at once while the server is known to be silent."""
        if time.monotonic() < Heard._silent_until:
            raise Silent
        return cls.connect(*args, **more)

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(self._heard(gen), interval, timeout)

    def _heard(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        """The same, resumed with nothing several times a second while the server says nothing."""
        quiet, patience, since = QUIET_SECONDS, ANSWER_SECONDS, time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    since = time.monotonic()
                elif time.monotonic() - since >= quiet:
                    self._ask(patience)
                    quiet, patience, since = quiet * 2, quiet, time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            value: T = end.value
            return value

    def _ask(self, patience: float) -> None:
        """Raises Silent, the connection closed."""
        if _answers(self.pgconn.hostaddr or self.pgconn.host, self.pgconn.port, patience):
            return
        Heard._silent_until = time.monotonic() + REMEMBERED_SECONDS
        self.pgconn.finish()
        raise Silent


def _answers(host: bytes, port: bytes, seconds: float) -> bool:
    """Whether anybody there says anything. One who refuses to speak is not silent: what is open will hear of it."""
    local = host.startswith((b"/", b"@"))
    with socket.socket(socket.AF_UNIX if local else _family(host), socket.SOCK_STREAM) as asked:
        asked.settimeout(seconds)
        try:
            asked.connect(_local(host, port) if local else (host.decode(), int(port)))
            asked.sendall(ASKS_FOR_TLS)
            asked.recv(1)
        except TimeoutError:
            return False
        except OSError:
            return True
    return True


def _family(host: bytes) -> socket.AddressFamily:
    return socket.AF_INET6 if b":" in host else socket.AF_INET


def _local(host: bytes, port: bytes) -> bytes:
    path = host + b"/.s.PGSQL." + port
    return b"\0" + path[1:] if host.startswith(b"@") else path
