"""The engine, and the unit of work: the only place that commits.

* `reading()` gives a session that is never committed.
* `work()` gives a unit of work. Rows and log entries become durable together in `commit()`, or not at all.
* Entries are appended last, so that the head of the log is locked for as short as can be.
* A receipt exists only for a committed entry; the vault opens nothing without one.
* Whatever keeps the entry from being written becomes LogUnwritable: the caller serves nothing.
"""

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import DateTime, Dialect, Engine, LargeBinary, MetaData, Select, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from hub.access.actor import Actor
from hub.errors import LogUnwritable
from hub.ledger.events import Event
from storage.failpoints import Point, failpoint
from storage.receipts import Receipt, ReceiptBook

LOCK_WAIT_MS = 1500
"""How long a writer waits for another: the answer must come within 2 s, refused or not."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python on every database; SQLite itself keeps no zone. Refuses naive times."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, bytes: LargeBinary}  # noqa: RUF012 - SQLAlchemy reads it as declared


def pairs(session: Session, query: Select[str, str]) -> dict[str, str]:
    """The rows of a query of two columns, the first as key."""
    return {row[0]: row[1] for row in session.execute(query)}


def make_engine(url: str) -> Engine:
    """SQLite (WAL, full sync, foreign keys) or PostgreSQL (`postgresql+psycopg://`)."""
    if url.startswith("sqlite"):
        return _sqlite(url)
    return create_engine(
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


def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url, pool_size=8, max_overflow=8, pool_timeout=2, connect_args={"timeout": LOCK_WAIT_MS / 1000}
    )
    event.listen(engine, "connect", _sqlite_settings)
    event.listen(engine, "begin", _sqlite_begin)
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


def _sqlite_begin(connection: Any) -> None:
    """A writer takes its lock at once: upgrading a reader's later can fail without waiting."""
    writes = connection.get_execution_options().get("hub_writes", False)
    if not writes:
        connection.exec_driver_sql("BEGIN")
        return
    raw = connection.connection.dbapi_connection
    raw.execute("PRAGMA busy_timeout=0")
    try:
        if not _took_write_lock(raw):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # asked once more, to say what is wrong
    finally:
        raw.execute(f"PRAGMA busy_timeout={LOCK_WAIT_MS}")


def _took_write_lock(raw: sqlite3.Connection) -> bool:
    """Whether it was had within `LOCK_WAIT_MS`, asked for every few milliseconds.

    SQLite's own waiting sleeps longer each time, which starves those who wait: four busy readers met a 503.
    """
    ends = time.monotonic() + LOCK_WAIT_MS / 1000
    while time.monotonic() < ends:
        with contextlib.suppress(sqlite3.OperationalError):
            raw.execute("BEGIN IMMEDIATE")
            return True
        time.sleep(random.uniform(0.001, 0.004))  # noqa: S311 - spreads those who wait, nothing secret
    return False


@dataclass(slots=True, kw_only=True)
class Entry:
    """An entry of a unit of work; `sequence` is known once committed."""

    actor: Actor
    event: Event
    sequence: int | None = None


class Ledger(Protocol):
    def append(self, session: Session, entries: Sequence[Entry]) -> None:
        """Write the entries and set their sequence numbers; locks the area's head until commit."""


class UnitOfWork:
    def __init__(self, session: Session, ledger: Ledger, receipts: ReceiptBook) -> None:
        self.session = session
        self._ledger = ledger
        self._receipts = receipts
        self._waiting: list[Entry] = []
        self._durable: list[Entry] = []
        self._after: list[Callable[[], None]] = []

    def record(self, actor: Actor, what: Event) -> Entry:
        """Have the entry written with this unit of work."""
        entry = Entry(actor=actor, event=what)
        self._waiting.append(entry)
        return entry

    def after(self, then: Callable[[], None]) -> None:
        """Have this done once the commit is durable: mail, jobs."""
        self._after.append(then)

    def commit(self) -> None:
        """Make rows and entries durable. Raises LogUnwritable when that cannot be."""
        try:
            self.session.flush()
            failpoint(Point.ROWS_FLUSHED)
            self._ledger.append(self.session, self._waiting)
            failpoint(Point.ENTRIES_APPENDED)
            self.session.commit()
        except DBAPIError as error:
            self.session.rollback()
            raise _as_told(error) from error
        failpoint(Point.COMMITTED)
        self._durable += self._waiting
        after, self._waiting, self._after = self._after, [], []
        for then in after:
            then()
        failpoint(Point.AFTER_COMMIT)

    def receipt(self, entry: Entry, *, case: str, objects: Sequence[str], purpose: str = "person") -> Receipt:
        """For the vault, of an entry of this unit once committed; `objects` are the sealed objects it covers."""
        if entry.sequence is None or not any(entry is durable for durable in self._durable):
            raise LogUnwritable
        return self._receipts.mint(
            entry=entry.sequence,
            area=entry.actor.area,
            case=case,
            objects=frozenset(objects),
            purpose=purpose,
        )


def _as_told(error: DBAPIError) -> Exception:
    """A constraint that fails, or a value that is none, is the caller's matter; all else means that nothing could be written."""
    from sqlalchemy.exc import DataError, IntegrityError  # noqa: PLC0415 - one use

    return error if isinstance(error, IntegrityError | DataError) else LogUnwritable()


class Database:
    def __init__(self, engine: Engine, ledger: Ledger, receipts: ReceiptBook) -> None:
        self.engine = engine
        self._writing = engine.execution_options(hub_writes=True)
        self._ledger = ledger
        self._receipts = receipts

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        with _unavailable_is_told(), Session(self.engine, autoflush=False) as session:
            yield session

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Session]:
        """As `reading`, and every query sees the database as it was at the first."""
        options = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        engine = self.engine.execution_options(**options)
        with _unavailable_is_told(), Session(engine, autoflush=False) as session:
            yield session

    @contextlib.contextmanager
    def work(self) -> Iterator[UnitOfWork]:
        """Rolled back unless `commit()` was called."""
        with _unavailable_is_told(), Session(self._writing, expire_on_commit=False) as session:
            yield UnitOfWork(session, self._ledger, self._receipts)

    def record(self, actor: Actor, what: Event) -> None:
        """One entry in a transaction of its own: a refusal must outlive the work that it refused."""
        with self.work() as work:
            work.record(actor, what)
            work.commit()


@contextlib.contextmanager
def session_on(engine: Engine) -> Iterator[Session]:
    """Rows of a database that is not the hub's own, as one that a backup was put into to be checked; never committed."""
    with Session(engine, autoflush=False) as session:
        yield session


@contextlib.contextmanager
def _unavailable_is_told() -> Iterator[None]:
    try:
        yield
    except (PoolTimeoutError, DBAPIError) as error:
        from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError  # noqa: PLC0415 - one use

        if isinstance(error, IntegrityError | DataError | ProgrammingError):
            raise
        raise LogUnwritable from error
    except SQLAlchemyError:
        raise
