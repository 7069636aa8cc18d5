"""Engines: how the hub opens SQLite and PostgreSQL, and how long a writer waits for another."""

import contextlib
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

LOCK_WAIT_MS = 1500


def make_engine(url: str) -> Engine:
    """SQLite (WAL, full sync, foreign keys) or PostgreSQL (`postgresql+psycopg://`)."""
    if url.startswith("sqlite"):
        return _sqlite(url)
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=2,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 2,
            "tcp_user_timeout": LOCK_WAIT_MS,
            "options": f"-c lock_timeout={LOCK_WAIT_MS} -c timezone=UTC",
        },
    )
    event.listen(engine, "do_connect", _heard)
    return engine


def _heard(_dialect: Any, _record: Any, args: Any, more: Any) -> Any:
    from hub.silence import Heard  # noqa: PLC0415 - the driver is not needed on SQLite

    return Heard.opened(*args, **more)


def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url, pool_size=8, max_overflow=8, pool_timeout=2, connect_args={"timeout": LOCK_WAIT_MS / 1000}
    )
    event.listen(engine, "connect", _sqlite_settings)
    event.listen(engine, "begin", partial(_sqlite_begin, _Line()))
    return engine


def _sqlite_settings(connection: Any, entry: ConnectionPoolEntry) -> None:  # noqa: ARG001 - SQLAlchemy's signature
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


class _Line:
    """Threads of this process that want the write lock, served as they came: no luck lets one wait beyond its time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    @contextlib.contextmanager
    def turn(self, seconds: float) -> Iterator[bool]:
        """Whether it came within so many seconds; over at the end of the block."""
        came = self._wait(seconds)
        try:
            yield came
        finally:
            if came:
                self._next()

    def _wait(self, seconds: float) -> bool:
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        try:
            return mine.wait(seconds) or not self._left(mine)
        except BaseException:
            if not self._left(mine):
                self._next()
            raise

    def _left(self, mine: threading.Event) -> bool:
        """Out of the line; False if the turn came in this very moment."""
        with self._lock:
            waits = mine in self._waiting
            if waits:
                self._waiting.remove(mine)
            return waits

    def _next(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False


def _sqlite_begin(line: _Line, connection: Any) -> None:
    """A writer takes its lock at once: upgrading a reader's later can fail without waiting."""
    writes = connection.get_execution_options().get("hub_writes", False)
    if not writes:
        connection.exec_driver_sql("BEGIN")
        return
    raw = connection.connection.dbapi_connection
    raw.execute("PRAGMA busy_timeout=0")
    try:
        if not _took_write_lock(raw, line):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # asked once more, to say what is wrong
    finally:
        raw.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")


def _took_write_lock(raw: sqlite3.Connection, line: _Line) -> bool:
    """Whether it was had within `LOCK_WAIT_MS`, asked for every few milliseconds by who is first in the line.

    SQLite's own waiting sleeps longer each time, which starves those who wait: four busy readers met a 503.
    """
    ends = time.monotonic() + LOCK_WAIT_MS / 1000
    with line.turn(LOCK_WAIT_MS / 1000) as came:
        while came and time.monotonic() < ends:
            with contextlib.suppress(sqlite3.OperationalError):
                raw.execute("BEGIN IMMEDIATE")
                return True
            time.sleep(random.uniform(0.001, 0.004))  # noqa: S311 - spreads those who wait, nothing secret
    return False
