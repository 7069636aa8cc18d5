"""Sealed objects from one store to another, as they are: each is read once, and taken only when it is what its row says."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from hub.backup.dump import ObjectRow
from storage.errors import AlreadyExists, NotFound, StorageError, Tampered
from storage.stores.base import Store, StoredObject

CHUNK = 1 << 20
AT_ONCE = 4
"""Copies under way at a time: most of each is waiting for a disk or a service."""
BATCH = 64
Progress = Callable[[str, int, int], None]
"""(what, done, of how many)."""


class Fate(StrEnum):
    """What became of one object. `absent`: the source has none; `altered`: the source's is not what the row says."""

    COPIED = "copied"
    THERE = "there"
    ABSENT = "absent"
    ALTERED = "altered"


@dataclass(slots=True)
class Copied:
    """How many there are now and their bytes, how many of them are new, and the rows whose object could not be taken."""

    count: int = 0
    bytes: int = 0
    added: int = 0
    added_bytes: int = 0
    lost: list[ObjectRow] = field(default_factory=list)

    def note(self, row: ObjectRow, fate: Fate) -> None:
        if fate in (Fate.ABSENT, Fate.ALTERED):
            self.lost.append(row)
            return
        self.count += 1
        self.bytes += row.size
        if fate is Fate.COPIED:
            self.added += 1
            self.added_bytes += row.size


@dataclass(frozen=True, slots=True)
class Copier:
    """`source` to `target`; `present` are the names that the target is known to have, and grows. With `check` each of
    them is read again, and replaced when it is not what its row says.
    """

    source: Store
    target: Store
    present: set[str]
    check: bool = False

    def copy(self, rows: Iterable[ObjectRow], total: int, progress: Progress) -> Copied:
        told, left = Copied(), iter(rows)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="backup") as pool:
            done = 0
            while batch := list(islice(left, BATCH)):
                for row, fate in zip(batch, pool.map(self._one, batch), strict=True):
                    told.note(row, fate)
                    if fate in (Fate.COPIED, Fate.THERE):
                        self.present.add(row.name)
                done += len(batch)
                progress("objects", done, total)
        return told

    def _one(self, row: ObjectRow) -> Fate:
        if row.name in self.present:
            if not self.check or whole(self.target, row):
                return Fate.THERE
            self.target.delete(row.name)
        try:
            with closing(self.source.open(row.name)) as stored:
                return self._taken(stored, row)
        except NotFound:
            return Fate.ABSENT
        except Tampered:
            return Fate.ALTERED

    def _taken(self, stored: StoredObject, row: ObjectRow) -> Fate:
        writer = self.target.create(row.name)
        try:
            digest = hashlib.sha256()
            for data in _chunks(stored):
                digest.update(data)
                writer.write(data)
            if digest.hexdigest() != row.sha256:
                raise Tampered("An object is not what its row says.")
            with suppress(AlreadyExists):
                writer.commit()
        finally:
            writer.abort()
        return Fate.COPIED


def whole(store: Store, row: ObjectRow) -> bool:
    """Whether the store's object is what the row says, of length and of hash."""
    digest, size = hashlib.sha256(), 0
    with closing(store.open(row.name)) as stored:
        for data in _chunks(stored):
            digest.update(data)
            size += len(data)
    return size == row.size and digest.hexdigest() == row.sha256


def fault(store: Store, row: ObjectRow) -> str | None:
    """What is wrong with an object, in words."""
    try:
        return None if whole(store, row) else f"Object {row.name} is not what its row says."
    except NotFound:
        return f"Object {row.name} is missing."
    except StorageError as error:
        return f"Object {row.name} cannot be read: {error}"


def _chunks(stored: StoredObject) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(CHUNK))
    while got := stored.readinto(buffer):
        yield buffer[:got]
