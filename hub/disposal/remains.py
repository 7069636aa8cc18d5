"""What a database keeps of values that were overwritten, and how it is made to let go of them.

SQLite: freed bytes are zeroed (`secure_delete`), but pages that were split earlier may keep a copy in their gaps,
and the write-ahead log keeps older pages: the file is written anew and the log cut to nothing.
PostgreSQL: older versions of rows stay in the table's files: the tables are written anew, once no transaction is
left that could still see those versions. What neither can reach is said in `UNREACHABLE`.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from hub.errors import Refused

TRIES = 20
"""For SQLite's log and PostgreSQL's old transactions: each waits up to 1.5 s."""
BUSY = (
    "The database is in use and its old pages could not all be removed. Run the same command again to finish."
)
_DISK = (
    "Blocks that the file system, its snapshots or the disk kept of the database's files or of sealed objects, and older "
    "versions that an object store keeps: they hold wrapped keys and sealed bytes, which open with the area's key only."
)
_SHIPPED = "PostgreSQL's archived write-ahead log, its replicas and base backups, until they are recycled: they hold the same."
UNREACHABLE = {"sqlite": (_DISK,), "postgresql": (_DISK, _SHIPPED)}


def clean(engine: Engine, tables: Sequence[str]) -> None:
    """Write the tables anew without what they held before. Raises Refused while others are in the way.

    SQLite locks out writers meanwhile, PostgreSQL readers of these tables too.
    """
    try:
        if engine.dialect.name == "sqlite":
            _rewrite_file(engine)
        else:
            _rewrite_tables(engine, tables)
    except DBAPIError as error:
        raise Refused(BUSY) from error


def _rewrite_file(engine: Engine) -> None:
    import sqlite3  # noqa: PLC0415 - this database's own errors

    pooled = engine.raw_connection()
    try:
        raw = pooled.driver_connection
        assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - for the type checker
        raw.execute("VACUUM")
        if not any(raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0 for _ in range(TRIES)):
            raise Refused(BUSY)
    except sqlite3.OperationalError as error:
        raise Refused(BUSY) from error
    finally:
        pooled.close()


def _rewrite_tables(engine: Engine, tables: Sequence[str]) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.detach()
        connection.execute(text("SET lock_timeout = '30s'"))
        _wait_for_older(connection)
        for table in tables:
            connection.execute(text(f'VACUUM (FULL) "{table}"'))


_OLDER = text("""
SELECT count(*) FROM (
    SELECT backend_xmin AS xmin FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
    UNION ALL SELECT xmin FROM pg_replication_slots UNION ALL SELECT transaction FROM pg_prepared_xacts
) AS others WHERE xmin IS NOT NULL AND age(xmin) > age(CAST(CAST(:now AS text) AS xid))
""")


def _wait_for_older(connection: Connection) -> None:
    """Until nobody is left who began before now: whatever such a one may still see is copied, not removed."""
    now = connection.scalar(text("SELECT CAST(pg_current_xact_id() AS xid)"))
    for _ in range(TRIES):
        if not connection.scalar(_OLDER, {"now": str(now)}):
            return
        connection.execute(text("SELECT pg_sleep(1.5)"))
    raise Refused(BUSY)
