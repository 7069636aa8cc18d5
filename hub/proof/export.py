"""Bundles of the access log for those who do not trust the hub: docs/log-format.md, section 5.

Everything streams: entries, hashes and openings come from the database some hundreds at a time, proofs are made from the
roots of whole stretches of 256 hashes, of which 1,000,000 entries have 4,000. What is recorded is recorded before
anything is given, and is itself not in the bundle.
"""

import base64
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.clock import Clock
from hub.db import Database
from hub.errors import Conflict
from hub.ledger.entries import NO_HEAD, case_link, head_leaf, leaf_hash
from hub.ledger.events import LogBundled
from hub.ledger.model import LogCaseHead, LogCheckpoint, LogEntry, LogSigner
from hub.ledger.notes import Checkpoint, Note, VerifierKey, log_key
from hub.ledger.service import Unseal, open_private
from hub.ledger.tree import Frontier, Tree, node_hash
from hub.ledger.tree import leaf_hash as tree_leaf_hash
from hub.proof.outside import verify
from storage.disk import sync_folder

FORMAT = "mappa-hub/log-export/1"
STRETCH = 256
"""Leaf hashes whose root is kept in memory; a power of two."""
BATCH = 500
PIECE = 1 << 18

File = tuple[str, Iterator[bytes]]


class Signs(Protocol):
    """What of `hub.proof.checkpoints.Checkpoints` an export needs."""

    def make(self, area: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`case` None: the whole log of the area. `opened`: with the private values, which are personal data."""

    area: str
    case: str | None = None
    opened: bool = False


class Exporter:
    def __init__(
        self, db: Database, clock: Clock, unseal: Unseal, signs: Signs, witnesses: Sequence[VerifierKey] = ()
    ) -> None:
        self._db, self._clock, self._unseal, self._signs = db, clock, unseal, signs
        self._witnesses = witnesses

    def record(self, actor: Actor, wanted: Wanted) -> None:
        """The entry that must be durable before anything is handed out; then a checkpoint, so that the bundle is of today.

        Raises Conflict for a case without entries, and what `Checkpoints.make` raises.
        """
        with self._db.reading() as session:
            if wanted.case and session.get(LogCaseHead, wanted.case) is None:
                raise Conflict("The log has no entry of this case, so that there is nothing to export.")
        self._signs.make(wanted.area)
        with self._db.reading() as session:
            rows = _count(session, wanted, _newest(session, wanted.area).size)
        self._db.record(actor, LogBundled(case=wanted.case, rows=rows, opened=wanted.opened))

    def files(self, session: Session, wanted: Wanted) -> Iterator[File]:
        """The files of the bundle by name; each is to be read to its end before the next is asked for."""
        bundle = _Bundle(session, wanted, _newest(session, wanted.area))
        keys = [str(key) for key in self._witnesses]
        yield "manifest.json", iter([bundle.manifest(keys, self._clock().isoformat(timespec="microseconds"))])
        yield "checkpoints.jsonl", bundle.checkpoints()
        yield "entries.jsonl", bundle.entries()
        yield from bundle.of_area() if wanted.case is None else bundle.of_case(wanted.case)
        if wanted.opened:
            yield "openings.jsonl", bundle.openings(self._unseal)
        yield "verify.py", iter([Path(verify.__file__).read_bytes()])

    def to_folder(self, actor: Actor, wanted: Wanted, folder: Path) -> None:
        """A new folder, there whole or not at all. Raises Conflict when there is one already."""
        if os.path.lexists(folder):
            raise Conflict(f"{folder} is there already; an export makes a new folder.")
        self.record(actor, wanted)
        making = folder.with_name(f".{folder.name}.making-{os.getpid()}")
        making.mkdir(mode=0o700, parents=True)
        try:
            with self._db.snapshot() as session:
                for name, pieces in self.files(session, wanted):
                    _write(making / name, pieces)
            sync_folder(making)
            making.rename(folder)
            sync_folder(folder.parent)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise

    def zipped(self, wanted: Wanted, still: Callable[[], bool]) -> Generator[bytes, None, None]:
        """The bundle as a zip, in pieces; call `record` first. `still`: asked before each piece whether it may go on.

        Raises ExportStopped when it may not.
        """
        out = _Pieces()
        with self._db.snapshot() as session, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            for name, pieces in self.files(session, wanted):
                with made.open(
                    zipfile.ZipInfo(f"access-log/{name}", _ZIP_TIME), "w", force_zip64=True
                ) as file:
                    for piece in _gathered(pieces):
                        if not still():
                            raise ExportStopped
                        file.write(piece)
                        yield out.taken()
        yield out.taken()


class ExportStopped(Exception):  # noqa: N818 - tells the server to drop the connection
    """The rest of the bundle is not handed out."""


_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class _Pieces:
    """A file that cannot be sought in, of which what was written is taken."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """What was written is still to be taken."""

    def taken(self) -> bytes:
        held, self._held = self._held, []
        return b"".join(held)


def newest_note(session: Session, area: str) -> str:
    """The newest checkpoint, for keeping where the hub does not reach. Raises Conflict when there is none."""
    return _newest(session, area).note


def _newest(session: Session, area: str) -> LogCheckpoint:
    query = select(LogCheckpoint).where(LogCheckpoint.area_id == area).order_by(LogCheckpoint.number.desc())
    found = session.scalars(query.limit(1)).first()
    if found is None:
        raise Conflict("No checkpoint of the log has been signed yet.")
    return found


def _condition(wanted: Wanted, size: int) -> ColumnElement[bool]:
    within = and_(LogEntry.area_id == wanted.area, LogEntry.sequence <= size)
    if wanted.case is None:
        return within
    return and_(within, LogEntry.case_id == wanted.case, LogEntry.case_sequence.is_not(None))


def _count(session: Session, wanted: Wanted, size: int) -> int:
    return session.scalar(select(func.count()).select_from(LogEntry).where(_condition(wanted, size))) or 0


class _Bundle:
    """What the files are made of; all as it stands in the database, true or not."""

    def __init__(self, session: Session, wanted: Wanted, last: LogCheckpoint) -> None:
        self._session, self._wanted, self._last = session, wanted, last
        self._said = Checkpoint.parse(Note.parse(last.note).text)
        self._heads: dict[str, tuple[int, bytes]] = {}

    def manifest(self, witnesses: list[str], made_at: str) -> bytes:
        origin, wanted = self._said.origin, self._wanted
        signer = self._session.get_one(LogSigner, wanted.area)
        body = {
            "format": FORMAT, "origin": origin, "hub": origin.split("/")[1], "area": wanted.area,
            "scope": "case" if wanted.case else "area", "case": wanted.case,
            "entries": _count(self._session, wanted, self._last.size), "size": self._last.size,
            "keys": [str(log_key(origin, signer.public_key))], "witnesses": witnesses, "made_at": made_at,
        }  # fmt: skip
        return json.dumps(body, indent=1, sort_keys=True).encode() + b"\n"

    def checkpoints(self) -> Iterator[bytes]:
        query = select(LogCheckpoint.note).where(self._signed()).order_by(LogCheckpoint.number)
        with self._session.scalars(query.execution_options(yield_per=BATCH)) as notes:
            for note in notes:
                yield json.dumps(note, ensure_ascii=False).encode() + b"\n"

    def _signed(self) -> ColumnElement[bool]:
        return and_(LogCheckpoint.area_id == self._wanted.area, LogCheckpoint.number <= self._last.number)

    def entries(self) -> Iterator[bytes]:
        """The leaves; of an area the heads of its cases come to be known on the way."""
        query = (
            select(LogEntry.leaf, LogEntry.case_id, LogEntry.case_sequence)
            .where(_condition(self._wanted, self._last.size))
            .order_by(LogEntry.sequence)
        )
        with self._session.execute(query.execution_options(yield_per=BATCH)) as rows:
            for leaf, case, number in rows:
                if case is not None and number is not None and self._wanted.case is None:
                    count, head = self._heads.get(case, (0, NO_HEAD))
                    self._heads[case] = (count + 1, case_link(head, leaf_hash(leaf)))
                yield leaf.encode() + b"\n"

    def of_area(self) -> Iterator[File]:
        yield "heads.jsonl", (head_leaf(case, *self._heads[case]) + b"\n" for case in sorted(self._heads))
        yield "leaf-hashes.bin", self._hashes(1, self._last.size)

    def _hashes(self, first: int, last: int) -> Iterator[bytes]:
        query = (
            select(LogEntry.leaf_hash)
            .where(LogEntry.area_id == self._wanted.area, LogEntry.sequence.between(first, last))
            .order_by(LogEntry.sequence)
        )
        with self._session.scalars(query.execution_options(yield_per=BATCH)) as hashes:
            yield from hashes

    def of_case(self, case: str) -> Iterator[File]:
        grown = GrownTree(lambda first, last: list(self._hashes(first + 1, last)), self._last.size)
        yield "proofs.jsonl", self._proofs(grown)
        yield "head.json", iter([self._head(case)])
        yield "consistency.jsonl", self._consistency(grown)

    def _proofs(self, grown: "GrownTree") -> Iterator[bytes]:
        query = select(LogEntry.sequence).where(_condition(self._wanted, self._last.size))
        with self._session.scalars(
            query.order_by(LogEntry.sequence).execution_options(yield_per=BATCH)
        ) as found:
            for sequence in found:
                yield _line({"index": sequence - 1, "proof": _texts(grown.inclusion(sequence - 1))})

    def _head(self, case: str) -> bytes:
        heads = self._heads_then()
        leaves = [head_leaf(one, *heads[one]) for one in heads]
        place = list(heads).index(case)
        proof = Tree(tree_leaf_hash(leaf) for leaf in leaves).inclusion(place)
        return _line(
            {"leaf": leaves[place].decode(), "index": place, "size": len(leaves), "proof": _texts(proof)}
        )

    def _heads_then(self) -> dict[str, tuple[int, bytes]]:
        """The heads of all cases when the checkpoint was signed: those that grew since are computed again."""
        area, size = self._wanted.area, self._last.size
        rows = self._session.scalars(select(LogCaseHead).where(LogCaseHead.area_id == area))
        heads = {row.case_id: (row.sequence, row.head) for row in rows}
        grown = select(LogEntry.case_id).where(
            LogEntry.area_id == area, LogEntry.sequence > size, LogEntry.case_sequence.is_not(None)
        )
        for case in self._session.scalars(grown.distinct()).all():
            query = select(LogEntry.leaf_hash).where(_condition(Wanted(area=area, case=case), size))
            hashes = self._session.scalars(query.order_by(LogEntry.sequence)).all()
            head = NO_HEAD
            for one in hashes:
                head = case_link(head, one)
            heads[str(case)] = (len(hashes), head)
        return {case: heads[case] for case in sorted(heads) if heads[case][0]}

    def _consistency(self, grown: "GrownTree") -> Iterator[bytes]:
        query = select(LogCheckpoint.size).where(self._signed(), LogCheckpoint.number < self._last.number)
        known: tuple[int, bytes] | None = None
        for size in self._session.scalars(query.order_by(LogCheckpoint.number)):
            if known is None or known[0] != size:
                known = (size, _line({"size": size, "proof": _texts(grown.consistency(size))}))
            yield known[1]

    def openings(self, unseal: Unseal) -> Iterator[bytes]:
        query = select(LogEntry).where(
            _condition(self._wanted, self._last.size), LogEntry.sealed.is_not(None)
        )
        options = {"yield_per": BATCH}
        with self._session.scalars(query.order_by(LogEntry.sequence).execution_options(**options)) as entries:
            for entry in entries:
                for name, one in sorted(open_private(self._session, entry, unseal).items()):
                    if one.salt is not None:
                        salt = one.salt.hex()
                        yield _line({"seq": entry.sequence, "name": name, "salt": salt, "value": one.value})
                self._session.expunge(entry)


class GrownTree:
    """Proofs out of `size` leaf hashes of which only stretches' roots are held. `read(first, last)`: hashes from 0."""

    def __init__(self, read: Callable[[int, int], list[bytes]], size: int) -> None:
        self._size = size
        self._read = lru_cache(maxsize=4)(lambda stretch: read(stretch, min(stretch + STRETCH, size)))
        whole = size - size % STRETCH
        roots = [Frontier().extended(read(start, start + STRETCH)).root for start in range(0, whole, STRETCH)]
        self._tops = [roots]
        while len(below := self._tops[-1]) > 1:
            self._tops.append([node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])

    def inclusion(self, index: int) -> list[bytes]:
        """RFC 9162 section 2.1.3.1."""
        start, end, path = 0, self._size, list[bytes]()
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._over(middle, end))
                end = middle
            else:
                path.append(self._over(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int) -> list[bytes]:
        """RFC 9162 section 2.1.4.1; empty from none and from all."""
        if old in (0, self._size):
            return []
        start, end, path, whole = 0, self._size, list[bytes](), True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._over(middle, end))
                end = middle
            else:
                path.append(self._over(start, middle))
                start, whole = middle, False
        return [*([] if whole else [self._over(start, end)]), *path[::-1]]

    def _over(self, start: int, end: int) -> bytes:
        """The root over leaves `start` to `end`, where `start` is a multiple of the first subtree's size."""
        count = end - start
        if count >= STRETCH and count & (count - 1) == 0:
            level = (count // STRETCH).bit_length() - 1
            return self._tops[level][start // count]
        if start % STRETCH + count <= STRETCH:
            first = start - start % STRETCH
            return Frontier().extended(self._read(first)[start - first : end - first]).root
        middle = start + _split(count)
        return node_hash(self._over(start, middle), self._over(middle, end))


def _split(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _line(body: dict[str, object]) -> bytes:
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _texts(proof: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(one).decode() for one in proof]


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces."""
    held, weight = list[bytes](), 0
    for piece in pieces:
        held.append(piece)
        weight += len(piece)
        if weight >= PIECE:
            yield b"".join(held)
            held, weight = [], 0
    yield b"".join(held)


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    with path.open("xb") as file, closing(_closable(pieces)) as found:
        for piece in _gathered(found):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _closable(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    yield from pieces
