"""The database held against the newest checkpoints kept elsewhere: one from before, or another one, is not served.

A true restore is accepted by an operator with a reason, on record: `accept`.
"""

from collections import deque
from collections.abc import Sequence

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.db import Database
from hub.ledger.events import LogRestoreAccepted
from hub.ledger.model import LogCheckpoint, LogHead, LogSigner
from hub.ledger.notes import BadNote, VerifierKey, log_key, opened
from hub.ledger.tree import Frontier
from hub.proof.checkpoints import (
    Checkpoints,
    NotAsSigned,
    origin,
    rehashed,
    see,
    signed_frontier,
)
from storage.anchors import Anchors
from storage.errors import NotFound, StorageError

HOME = "home"
WORDS = {HOME: "the home folder", "second": "the second place"}
HOW = "If an older state was restored on purpose, accept it: python3 -m hub log accept-restore --reason TEXT."
log = structlog.get_logger("hub.checkpoints")


class Anchored:
    def __init__(self, db: Database, checkpoints: Checkpoints, *, second_required: bool) -> None:
        self._db, self._checkpoints, self._second_required = db, checkpoints, second_required

    def check(self) -> None:
        """Raises NotAsSigned, or StorageError when a place that is required does not answer."""
        known = self._checkpoints.areas()
        if self._strange(known):
            raise NotAsSigned(
                f"The home folder holds checkpoints of an area that this database does not know: it is another database, or an older one. {HOW}"
            )
        for area in known:
            with self._db.snapshot() as session:
                self._check_area(session, area)

    def _strange(self, known: Sequence[str]) -> set[str]:
        return set(self._checkpoints.places[HOME].areas()) - set(known)

    def set_strange_aside(self) -> None:
        """Checkpoints in the home of areas that the database does not know."""
        home = self._checkpoints.places[HOME]
        for area in self._strange(self._checkpoints.areas()):
            for name in list(home.names(area)):
                home.set_aside(name)

    def _check_area(self, session: Session, area: str) -> None:
        key = _key(session, area)
        size = 0
        if key is not None:
            size = seen.last.size if (seen := see(session, area, key)).last else 0
        for name, place in self._checkpoints.places.items():
            try:
                found = _newest_in(place, area, size)
            except NotFound:
                found = None
            except StorageError as error:
                if name != HOME and not self._second_required:
                    log.warning("second place not asked", why=str(error))
                    continue
                raise
            if found is not None and (why := differs(session, area, key, found)):
                raise NotAsSigned(f"{why.format(where=WORDS[name])} {HOW}")

    def accept(self, area: str, reason: str) -> tuple[int, int]:
        """Go on with the database as it is; returns its entries and how many the newest anchor had.

        What does not fit is set aside in its place, the reason goes on record, and a new checkpoint is signed.
        """
        with self._db.snapshot() as session:
            key = _key(session, area)
            size = session.get_one(LogHead, area).sequence
            aside = {
                name: _unfitting(session, area, key, place)
                for name, place in self._checkpoints.places.items()
            }
            rows = [] if key is None else _unfitting_rows(session, area, key)
        signed = max([size, *(_size(one) for names in aside.values() for one in names)])
        for name, names in aside.items():
            for one in names:
                self._checkpoints.places[name].set_aside(one)
        self._record(area, rows, LogRestoreAccepted(entries=size, signed=signed, because=reason))
        self._checkpoints.make(area)
        self._checkpoints.keep(area)
        return size, signed

    def _record(self, area: str, rows: Sequence[int], event: LogRestoreAccepted) -> None:
        """The refusal ends first: while it stands, nothing can be recorded."""
        with self._db.work() as work:
            work.session.execute(
                update(LogSigner).where(LogSigner.area_id == area).values(refused_at=None, refused_why=None)
            )
            work.session.execute(
                delete(LogCheckpoint).where(LogCheckpoint.area_id == area, LogCheckpoint.number.in_(rows))
            )
            work.record(program(area, what="log accept-restore"), event)
            work.commit()
        self._checkpoints.forget()


def differs(session: Session, area: str, key: VerifierKey | None, note: str) -> str | None:
    """Why the database is not one that this checkpoint was made of, or a later one; None when it is."""
    if key is None:
        return "{where} has checkpoints of the access log, and the database is from before the first of them."
    try:
        said = opened(note, key)
    except BadNote:
        return "The newest checkpoint in {where} is not one that this database's log signed."
    size = session.get_one(LogHead, area).sequence
    if said.size > size:
        return (
            f"The access log in the database ends at entry {size}, but the newest checkpoint in {{where}} has {said.size}:"
            " the database is older than what was served."
        )
    if _root(session, area, said.size, key) != said.root:
        return f"The first {said.size} entries of the access log are not those of the newest checkpoint in {{where}}."
    return None


def _root(session: Session, area: str, size: int, key: VerifierKey) -> bytes:
    """Of the first entries: from a signed row of that size, else from all their texts."""
    row = session.scalars(
        select(LogCheckpoint).where(LogCheckpoint.area_id == area, LogCheckpoint.size == size).limit(1)
    ).first()
    if row is not None:
        return signed_frontier(row, key).root
    return Frontier().extended(rehashed(session, area, 0, size)).root


def _key(session: Session, area: str) -> VerifierKey | None:
    signer = session.get(LogSigner, area)
    return log_key(origin(session, area), signer.public_key) if signer else None


def _newest_in(place: Anchors, area: str, size: int) -> str | None:
    """The note that sorts last of this many entries or more; None when the place holds none of them.

    `size` is what the database's newest checkpoint signs. Its time is not asked: the row's is nobody's word.
    """
    found = deque(place.names(area, after=f"{area}/{size:012d}"), maxlen=1)
    return place.read(found[0]) if found else None


def _unfitting(session: Session, area: str, key: VerifierKey | None, place: Anchors) -> list[str]:
    """From the newest back to the first that fits."""
    going = []
    for name in reversed(list(place.names(area))):
        if differs(session, area, key, place.read(name)) is None:
            break
        going.append(name)
    return going


def _unfitting_rows(session: Session, area: str, key: VerifierKey) -> list[int]:
    """Checkpoints of the database itself that its entries do not lead to, from the newest back."""
    going = []
    rows = select(LogCheckpoint).where(LogCheckpoint.area_id == area).order_by(LogCheckpoint.number.desc())
    head = session.get_one(LogHead, area)
    texts = rehashed(session, area, 0, head.sequence)
    for row in session.scalars(rows):
        try:
            fits = row.size <= len(texts) and signed_frontier(row, key) == Frontier().extended(
                texts[: row.size]
            )
        except NotAsSigned:
            fits = False
        if fits:
            break
        going.append(row.number)
    return going


def _size(name: str) -> int:
    return int(name.partition("/")[2].partition("-")[0])
