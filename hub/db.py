"""The unit of work: the only place that commits.

* `reading()` gives a session that is never committed.
* `work()` gives a unit of work. Rows and log entries become durable together in `commit()`, or not at all.
* Entries are appended last, so that the head of the log is locked for as short as can be.
* A receipt exists only for a committed entry; the vault opens nothing without one.
* Whatever keeps the entry from being written becomes LogUnwritable: the caller serves nothing.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import DateTime, Dialect, Engine, LargeBinary, MetaData, Select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from hub.access.actor import Actor
from hub.errors import LogUnwritable
from hub.ledger.events import Event
from storage.failpoints import Point, failpoint
from storage.receipts import PERSON, Receipt, ReceiptBook

PATIENCE_SECONDS = 1.8
"""How long a writer waits for another: the answer must come within 2 s, refused or not."""
MOST_AT_ONCE = 256
"""Entries that are written in one transaction for those who wait."""


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
        self.add(entry)
        return entry

    def add(self, entry: Entry) -> None:
        """As `record`, of an entry made before."""
        self._waiting.append(entry)

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

    def receipt(
        self,
        entry: Entry,
        *,
        case: str,
        objects: Sequence[str],
        document: str | None = None,
        purpose: str = PERSON,
    ) -> Receipt:
        """For the vault, of an entry of this unit once committed; `objects` are the sealed objects it covers.

        ValueError when the entry says something else: another case, or for a person another `document`.
        """
        if entry.sequence is None or not any(entry is durable for durable in self._durable):
            raise LogUnwritable
        return _minted(self._receipts, entry, case, objects, (document, purpose))


def _minted(
    book: ReceiptBook, entry: Entry, case: str, objects: Sequence[str], rest: tuple[str | None, str]
) -> Receipt:
    document, purpose = rest
    _check_says(entry.event, case, document, purpose)
    return book.mint(
        entry=int(entry.sequence or 0),
        area=entry.actor.area,
        case=case,
        objects=frozenset(objects),
        purpose=purpose,
    )


def _check_says(said: Event, case: str, document: str | None, purpose: str) -> None:
    """The program's own look at a whole area is of no single case; whatever names one opens nothing else."""
    of_no_case = purpose != PERSON and not hasattr(said, "case")
    if not of_no_case and getattr(said, "case", None) != case:
        raise ValueError(f"the entry {said.name} is not of this case, so it opens nothing of it")
    if purpose == PERSON and getattr(said, "document", None) != document:
        raise ValueError(f"the entry {said.name} is not of this document, so it opens nothing of it")


def _held() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True)
class _Waiter:
    """Somebody whose entry is to be written; `leads` once it is their turn to write for all who wait."""

    entry: Entry
    leads: bool = False
    done: bool = False
    error: Exception | None = None
    woken: threading.Lock = field(default_factory=_held)
    """Let go of once; a bare lock, since an Event costs three times as much of each entry."""


class _Group:
    """Entries of one area that many threads want written: one of them writes for all who wait by then.

    Who is alone writes at once. Whoever has written hands on, so nobody writes for others for long.
    """

    def __init__(self, write: Callable[[Sequence[Entry]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._queue: list[_Waiter] = []
        self._led = False

    def add(self, entry: Entry) -> None:
        """Return when the entry is durable. Raises LogUnwritable within `PATIENCE_SECONDS`, or what the entry is refused for."""
        waiter = _Waiter(entry)
        with self._lock:
            self._queue.append(waiter)
            waiter.leads = not self._led
            self._led = True
        if not waiter.leads:
            waiter.woken.acquire(timeout=PATIENCE_SECONDS)
        if self._is_to_lead(waiter):
            self._lead()
        if not waiter.done:
            raise LogUnwritable
        if waiter.error is not None:
            raise waiter.error

    def _is_to_lead(self, waiter: _Waiter) -> bool:
        """Whoever lost patience leaves the queue, unless it is their turn by now."""
        with self._lock:
            if not waiter.leads and not waiter.done and waiter in self._queue:
                self._queue.remove(waiter)
            return waiter.leads

    def _lead(self) -> None:
        with self._lock:
            batch, self._queue = self._queue[:MOST_AT_ONCE], self._queue[MOST_AT_ONCE:]
        failed: LogUnwritable | None = LogUnwritable()
        try:
            failed = self._written(batch)
        finally:
            with self._lock:
                if failed:
                    batch, self._queue = [*batch, *self._queue], []
                self._hand_on()
        for waiter in batch:
            waiter.error = waiter.error or (LogUnwritable(*failed.args) if failed else None)
            waiter.done = True  # last: whoever loses patience in this very moment takes it as the word that all is known
            if not waiter.leads:
                waiter.woken.release()

    def _hand_on(self) -> None:
        """To whoever came last: they may still wait for the lock of the log, and be told in time that it cannot be had."""
        if not self._queue:
            self._led = False
            return
        newest = self._queue.pop()
        self._queue.insert(0, newest)
        newest.leads = True
        newest.woken.release()

    def _written(self, batch: Sequence[_Waiter]) -> LogUnwritable | None:
        """What kept the log from being written; an entry that is itself refused has its error, and keeps back no other."""
        try:
            self._write([waiter.entry for waiter in batch])
        except LogUnwritable as error:
            return error
        except Exception as error:  # noqa: BLE001 - it is raised again by whoever waits for this entry
            if len(batch) == 1:
                batch[0].error = error
                return None
            return next((failed for waiter in batch if (failed := self._written([waiter]))), None)
        return None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry that is durable."""

    sequence: int
    entry: Entry
    receipts: ReceiptBook

    def receipt(
        self, *, case: str, objects: Sequence[str], document: str | None = None, purpose: str = PERSON
    ) -> Receipt:
        """As `UnitOfWork.receipt`."""
        return _minted(self.receipts, self.entry, case, objects, (document, purpose))


def _as_told(error: DBAPIError) -> Exception:
    """A constraint that fails, or a value that is none, is the caller's matter; all else means that nothing could be written."""
    from sqlalchemy.exc import DataError, IntegrityError  # noqa: PLC0415 - one use

    return error if isinstance(error, IntegrityError | DataError) else LogUnwritable()


def may_be_durable(error: BaseException) -> bool:
    """Whether a unit of work that ended so may have been committed all the same: what its rows may name must stay.

    The database went while it was told; SQLite's log could not be synced, and may be read again after a crash; or this
    thread was ended, wherever it was.
    """
    if not isinstance(error, Exception):
        return True
    cause = error.__cause__ if isinstance(error, LogUnwritable) else error
    if not isinstance(cause, DBAPIError):
        return False
    return cause.connection_invalidated or getattr(cause.orig, "sqlite_errorname", "").startswith(
        "SQLITE_IOERR"
    )


class Database:
    def __init__(self, engine: Engine, ledger: Ledger, receipts: ReceiptBook) -> None:
        self.engine = engine
        self._writing = engine.execution_options(hub_writes=True)
        self._ledger = ledger
        self._receipts = receipts
        self._groups: dict[str, _Group] = {}

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

    def record(self, actor: Actor, what: Event) -> Recorded:
        """One entry and nothing else: durable when this returns, together with whatever other threads record just now."""
        entry = Entry(actor=actor, event=what)
        group = self._groups.get(actor.area) or self._groups.setdefault(actor.area, _Group(self._record_all))
        group.add(entry)
        return Recorded(int(entry.sequence or 0), entry, self._receipts)

    def _record_all(self, entries: Sequence[Entry]) -> None:
        with self.work() as work:
            for entry in entries:
                work.add(entry)
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
