"""Until whoever began before is done: what makes it safe to take the next step of a rotation.

A request that read a case's row before the new key stood in it must not meet a value sealed under that key. Neither a pause nor a
guess about how long a request lasts is needed: both databases can say whether such a transaction still runs.
"""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, text

from hub.engine import LOCK_WAIT_MS
from hub.errors import Conflict

PATIENCE = 600.0
"""Seconds; an export of a large log is the longest that reads in one transaction."""
PAUSE = 0.05
MOMENT_MS = 100


class StillRunning(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "A request that began before this step still runs, so the rotation waits: run the command again to go on."
        )


def all_earlier_done(engine: Engine, patience: float = PATIENCE) -> None:
    """Return when no transaction runs that began before the call. Raises StillRunning after `patience` seconds.

    On PostgreSQL the caller must be the role that the hub serves under: of others' transactions it is not told.
    """
    asked = _sqlite(engine) if engine.dialect.name == "sqlite" else _postgresql(engine)
    ends = time.monotonic() + patience
    while not asked():
        if time.monotonic() > ends:
            raise StillRunning
        time.sleep(PAUSE)


def _postgresql(engine: Engine) -> Callable[[], bool]:
    with engine.connect() as connection:
        since = connection.execute(text("SELECT clock_timestamp()")).scalar_one()

    def done() -> bool:
        query = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND xact_start <= :since"
        )
        with engine.connect() as connection:
            return bool(connection.execute(query, {"since": since}).scalar_one() == 0)

    return done


def _sqlite(engine: Engine) -> Callable[[], bool]:
    """A full checkpoint succeeds only when every reader sees the newest state; writers take turns anyway."""

    def done() -> bool:
        with contextlib.closing(engine.raw_connection()) as connection:
            return _checkpointed(connection.driver_connection)

    return done


def _checkpointed(raw: Any) -> bool:
    """Writers are kept out while it is tried, so it is tried for a moment only."""
    raw.execute(f"PRAGMA busy_timeout={MOMENT_MS}")
    try:
        busy, _, _ = raw.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        return bool(busy == 0)
    finally:
        raw.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")
