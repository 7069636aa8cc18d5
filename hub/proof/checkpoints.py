"""Checkpoints: what the log held, signed, and kept where the database's administrator does not reach. See docs/log-format.md, section 4.

* Signed is only what contains, unchanged, what the last checkpoint contained. Otherwise the refusal is put into the database, and from then
  on no entry can be written: nothing of any case is served by any process.
* Several processes may run this: whose row is first wins, the others' attempt comes to nothing.
* Nothing here runs within a request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub.clock import Clock
from hub.db import Database
from hub.errors import LogUnwritable
from hub.ledger import notes
from hub.ledger.entries import head_leaf, leaf_hash
from hub.ledger.guard import Guard
from hub.ledger.model import LogCaseHead, LogCheckpoint, LogEntry, LogHead, LogSigner
from hub.ledger.notes import BadNote, Checkpoint, Note, VerifierKey, log_key, origin_of
from hub.ledger.tree import Frontier, consistency_from
from hub.ledger.tree import leaf_hash as tree_leaf_hash
from hub.people.model import Area, Installation
from hub.proof.witnesses import Witnesses
from hub.vaults import Vaults
from storage.anchors import Anchors
from storage.errors import AlreadyExists, StorageError

EVERY = timedelta(seconds=60)
EVERY_ENTRIES = 1000
THIN_AFTER = timedelta(days=1)
SETTLED = timedelta(seconds=15)
RETRIED_AT_ONCE = 50
"""Checkpoints that are taken up again in one go, newest first, after a place was down."""

log = structlog.get_logger("hub.checkpoints")


class NotAsSigned(LogUnwritable):
    """The log of this database is not the one that was signed; the sentence says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    key: VerifierKey
    seed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is to be signed, and the checkpoint before it."""

    frontier: Frontier
    cases: int
    case_root: bytes
    last: LogCheckpoint | None


class Checkpoints:
    """`places` by name: where notes are kept beside the database."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        vaults: Vaults,
        guard: Guard,
        places: dict[str, Anchors],
        witnesses: Witnesses,
    ) -> None:
        self._db, self._clock, self._vaults, self._guard = db, clock, vaults, guard
        self.places, self.witnesses = places, witnesses

    def forget(self) -> None:
        """Another hand changed what the guard has looked at."""
        self._guard.forget()

    def areas(self) -> list[str]:
        with self._db.reading() as session:
            return list(session.scalars(select(Area.id)))

    # --- signing ------------------------------------------------------------------------------

    def run_due(self, area: str) -> None:
        """Sign when it is time, then keep whatever is not yet kept everywhere. Raises NotAsSigned."""
        with self._db.reading() as session:
            signer = session.get(LogSigner, area)
        if signer is not None and signer.refused_why is not None:
            raise NotAsSigned(signer.refused_why)
        made = self._is_due(area) and self.make(area)
        self.keep(area, settled=timedelta() if made else SETTLED)

    def _is_due(self, area: str) -> bool:
        with self._db.reading() as session:
            size = session.scalars(select(LogHead.sequence).where(LogHead.area_id == area)).one()
            last = newest(session, area)
        return last is None or self._clock() - last.at >= EVERY or size - last.size >= EVERY_ENTRIES

    def make(self, area: str) -> bool:
        """Sign the log as it is now; False when another process was first, or just now signed the same.

        Raises NotAsSigned, and nothing of any case is served from then on.
        """
        try:
            signer = self._signer(area)
            with self._db.snapshot() as session:
                seen = see(session, area, signer.key)
        except NotAsSigned as error:
            self._refuse(area, error)
            raise
        return self._add(area, signer, seen)

    def _add(self, area: str, signer: Signer, seen: Seen) -> bool:
        at = self._clock()
        if seen.last is not None and (seen.last.size, _second(seen.last.at)) == (
            seen.frontier.size,
            _second(at),
        ):
            return False
        said = Checkpoint(
            origin=signer.key.name, size=seen.frontier.size, root=seen.frontier.root, at=at,
            cases=seen.cases, case_root=seen.case_root,
        )  # fmt: skip
        row = LogCheckpoint(
            area_id=area, number=seen.last.number + 1 if seen.last else 1, size=said.size, at=at, frontier=bytes(seen.frontier),
            note=str(notes.sign(said, signer.seed)), copied_at=None,
        )  # fmt: skip
        try:
            with self._db.work() as work:
                work.session.add(row)
                work.commit()
        except IntegrityError:
            return False
        self._cosign(area, row)
        return True

    def _refuse(self, area: str, error: NotAsSigned) -> None:
        log.error("checkpoint refused", area=area, why=error.sentence)
        with self._db.work() as work:
            work.session.execute(
                update(LogSigner)
                .where(LogSigner.area_id == area, LogSigner.refused_at.is_(None))
                .values(refused_at=self._clock(), refused_why=error.sentence)
            )
            work.commit()
        self._guard.forget()

    def _cosign(self, area: str, row: LogCheckpoint) -> None:
        """The witnesses' lines are added to the note before it is kept elsewhere; without them it is kept all the same."""
        note = Note.parse(row.note)
        for line in self.witnesses.cosign(note, lambda old: self._proof(area, old, row)):
            note = note.with_line(line)
        if str(note) != row.note:
            with self._db.work() as work:
                work.session.execute(
                    update(LogCheckpoint).where(_is(area, row.number)).values(note=str(note))
                )
                work.commit()

    def _proof(self, area: str, old: int, row: LogCheckpoint) -> list[bytes]:
        """Consistency between the tree of `old` entries and the row's."""
        if old in (0, row.size):
            return []
        with self._db.reading() as session:
            known = session.scalars(
                select(LogCheckpoint).where(LogCheckpoint.area_id == area, LogCheckpoint.size == old)
            ).first()
            start = (
                Frontier.of(old, known.frontier)
                if known
                else Frontier().extended(_hashes(session, area, 0, old))
            )
            return consistency_from(start, _hashes(session, area, old, row.size))

    def _signer(self, area: str) -> Signer:
        with self._db.reading() as session:
            row = session.get(LogSigner, area)
            if row is not None:
                return self._opened(session, row)
        with self._db.work() as work:
            row = self._new_signer(work.session, area)
            work.session.add(row)
            opened = self._opened(work.session, row)
            work.commit()
        return opened

    def _new_signer(self, session: Session, area: str) -> LogSigner:
        private = Ed25519PrivateKey.generate()
        box = self._vaults.box(session, area, "checkpoint")
        return LogSigner(
            area_id=area,
            public_key=private.public_key().public_bytes_raw(),
            sealed_seed=box.seal(private.private_bytes_raw(), "seed"),
            made_at=self._clock(),
        )

    def _opened(self, session: Session, row: LogSigner) -> Signer:
        """The public key is that of the sealed seed: one written into the row by another hand is not taken."""
        seed = self._vaults.box(session, row.area_id, "checkpoint").open(row.sealed_seed, "seed")
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        if public != row.public_key:
            raise NotAsSigned("The key of the log's checkpoints is not the one that was made for it.")
        return Signer(key=log_key(origin(session, row.area_id), public), seed=seed)

    # --- keeping --------------------------------------------------------------------------------

    def keep(self, area: str, *, settled: timedelta = timedelta()) -> bool:
        """Put what is only in the database into every other place. False when a place took one of them not.

        `settled`: how old it must be, for another process may still be asking its witnesses.
        """
        with self._db.reading() as session:
            waiting = session.scalars(
                select(LogCheckpoint)
                .where(LogCheckpoint.area_id == area, LogCheckpoint.copied_at.is_(None))
                .where(LogCheckpoint.at <= self._clock() - settled)
                .order_by(LogCheckpoint.number.desc())
                .limit(RETRIED_AT_ONCE)
            ).all()
        for row in waiting:
            if not self._kept(row):
                return False
        if waiting:
            self._guard.forget()
        return True

    def _kept(self, row: LogCheckpoint) -> bool:
        for name, place in self.places.items():
            try:
                place.write(file_name(row), row.note)
            except AlreadyExists:
                if not self._is_same(place, row):
                    self._alert(name, "another checkpoint stands there")
                    return False
            except StorageError as error:
                self._alert(name, str(error))
                return False
        with self._db.work() as work:
            work.session.execute(
                update(LogCheckpoint).where(_is(row.area_id, row.number)).values(copied_at=self._clock())
            )
            work.commit()
        return True

    def _is_same(self, place: Anchors, row: LogCheckpoint) -> bool:
        """Kept there before with fewer or more witnesses' lines, perhaps; what was signed is the same."""
        try:
            return Note.parse(place.read(file_name(row))).text == Note.parse(row.note).text
        except (StorageError, BadNote):
            return False

    def _alert(self, place: str, why: str) -> None:
        log.error("checkpoint not kept", place=place, why=why)

    # --- thinning -------------------------------------------------------------------------------

    def thin(self, area: str) -> int:
        """Of the checkpoints of one size older than a day keep the first, the last and one in every hour; returns how many went."""
        before = self._clock() - THIN_AFTER
        with self._db.reading() as session:
            rows = session.scalars(
                select(LogCheckpoint)
                .where(LogCheckpoint.area_id == area, LogCheckpoint.copied_at.is_not(None))
                .order_by(LogCheckpoint.number)
            ).all()
        going = superfluous([(row.size, row.at) for row in rows], before)
        for at in going:
            self._drop(rows[at])
        return len(going)

    def _drop(self, row: LogCheckpoint) -> None:
        for place in self.places.values():
            place.drop(file_name(row))
        with self._db.work() as work:
            found = work.session.get(LogCheckpoint, (row.area_id, row.number))
            if found is not None:
                work.session.delete(found)
            work.commit()

    # --- telling --------------------------------------------------------------------------------

    def status(self, area: str) -> "Status":
        with self._db.reading() as session:
            last = newest(session, area)
            copied = session.scalar(
                select(func.max(LogCheckpoint.at)).where(
                    LogCheckpoint.area_id == area, LogCheckpoint.copied_at.is_not(None)
                )
            )
            signer = session.get(LogSigner, area)
            recent = session.scalars(
                select(LogCheckpoint)
                .where(LogCheckpoint.area_id == area)
                .order_by(LogCheckpoint.number.desc())
                .limit(RETRIED_AT_ONCE)
            ).all()
        return Status(
            size=last.size if last else 0,
            at=last.at if last else None,
            kept_at=copied,
            second_place="second" in self.places,
            witnesses={key.name: _cosigned_at(recent, key) for key in self.witnesses.keys},
            refused=signer.refused_why if signer else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`kept_at`: time of the newest checkpoint that lies in every place; `witnesses`: name -> time of the newest that it cosigned."""

    size: int
    at: datetime | None
    kept_at: datetime | None
    second_place: bool
    witnesses: dict[str, datetime | None]
    refused: str | None


def _cosigned_at(recent: Sequence[LogCheckpoint], key: VerifierKey) -> datetime | None:
    return next((row.at for row in recent if Note.parse(row.note).signature_of(key)), None)


def superfluous(checkpoints: Sequence[tuple[int, datetime]], before: datetime) -> list[int]:
    """Which of the (size, time), oldest first, may go: see `Checkpoints.thin`."""
    going = []
    for at in range(1, len(checkpoints) - 1):
        (size, time), (last_size, last_time), (next_size, _) = (checkpoints[at + step] for step in (0, -1, 1))
        same_hour = (time.date(), time.hour) == (last_time.date(), last_time.hour)
        if size == last_size == next_size and same_hour and time < before:
            going.append(at)
    return going


def _is(area: str, number: int) -> ColumnElement[bool]:
    return and_(LogCheckpoint.area_id == area, LogCheckpoint.number == number)


def newest(session: Session, area: str) -> LogCheckpoint | None:
    query = select(LogCheckpoint).where(LogCheckpoint.area_id == area).order_by(LogCheckpoint.number.desc())
    return session.scalars(query.limit(1)).first()


def origin(session: Session, area: str) -> str:
    return origin_of(session.scalars(select(Installation.id)).one(), area)


def _second(at: datetime) -> datetime:
    """A checkpoint's file is named by the second."""
    return at.replace(microsecond=0)


def file_name(row: LogCheckpoint) -> str:
    return f"{row.area_id}/{row.size:012d}-{row.at:%Y%m%dT%H%M%SZ}.note"


def see(session: Session, area: str, key: VerifierKey) -> Seen:
    """The log as it is now, held against the last checkpoint. Raises NotAsSigned."""
    last = newest(session, area)
    start = signed_frontier(last, key) if last else Frontier()
    head = session.get_one(LogHead, area)
    if head.sequence < start.size:
        raise NotAsSigned(
            f"The access log ends at entry {head.sequence}, but entry {start.size} of it was signed."
        )
    hashes = rehashed(session, area, start.size, head.sequence)
    frontier = start.extended(hashes)
    if frontier.size != head.sequence or bytes(frontier) != head.frontier:
        raise NotAsSigned(
            f"The access log is not what was signed at entry {start.size} with what was written since."
        )
    cases, case_root = _case_tree(session, area)
    return Seen(frontier=frontier, cases=cases, case_root=case_root, last=last)


def signed_frontier(row: LogCheckpoint, key: VerifierKey) -> Frontier:
    """The frontier of a checkpoint's row, once its note and the row say the same. Raises NotAsSigned."""
    try:
        said = notes.opened(row.note, key)
        frontier = Frontier.of(row.size, row.frontier)
    except ValueError as error:
        raise NotAsSigned("The last checkpoint of the access log is not one that this hub signed.") from error
    if (said.size, said.root) != (row.size, frontier.root):
        raise NotAsSigned("The last checkpoint of the access log is not one that this hub signed.")
    return frontier


def rehashed(session: Session, area: str, after: int, last: int) -> list[bytes]:
    """Hashes of the very texts, not of the column; a missing entry ends the list."""
    query = (
        select(LogEntry.sequence, LogEntry.leaf)
        .where(LogEntry.area_id == area, LogEntry.sequence > after, LogEntry.sequence <= last)
        .order_by(LogEntry.sequence)
        .execution_options(yield_per=1000)
    )
    return [
        leaf_hash(leaf)
        for at, (sequence, leaf) in enumerate(session.execute(query), after + 1)
        if sequence == at
    ]


def _hashes(session: Session, area: str, after: int, last: int) -> list[bytes]:
    query = (
        select(LogEntry.leaf_hash)
        .where(LogEntry.area_id == area, LogEntry.sequence > after, LogEntry.sequence <= last)
        .order_by(LogEntry.sequence)
    )
    return list(session.scalars(query))


def _case_tree(session: Session, area: str) -> tuple[int, bytes]:
    query = select(LogCaseHead.case_id, LogCaseHead.sequence, LogCaseHead.head).where(
        LogCaseHead.area_id == area
    )
    rows = sorted(session.execute(query).all())
    leaves = (tree_leaf_hash(head_leaf(case, entries, head)) for case, entries, head in rows)
    return len(rows), Frontier().extended(leaves).root
