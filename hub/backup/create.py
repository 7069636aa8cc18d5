"""Making a snapshot while the hub serves.

Objects first, then the rows at one moment, then the few objects that came in between: what is discarded meanwhile is
mostly copied already, and where it is not the moment is taken again. The snapshot exists once its manifest is written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine, func, select

from hub.backup.dump import Dump, ObjectRow, dump, one_moment
from hub.backup.manifest import Manifest
from hub.backup.objects import Copied, Copier, Progress
from hub.backup.repository import Repository
from hub.documents.model import StoredObject
from storage.failpoints import Point, failpoint
from storage.stores.base import Store

MOMENTS = 5
"""How often the rows are taken anew because an object went meanwhile; after that it is told of as missing."""
Seal = Callable[[Manifest], Manifest]
"""Adds the seals of each area."""


@dataclass(frozen=True, slots=True)
class Made:
    """`copied` and `copied_bytes` are new in the repository."""

    manifest: Manifest
    copied: int
    copied_bytes: int


class Creating:
    """One run; nobody else may be writing to the repository but who forgets a case."""

    def __init__(self, engine: Engine, store: Store, repository: Repository, progress: Progress) -> None:
        self._engine, self._store, self._repository = engine, store, repository
        self._progress = progress
        self._copied = self._copied_bytes = 0

    def snapshot(self, at: datetime, seal: Seal, *, check: bool) -> Made:
        """All of it but the publishing, which is the caller's once it is on record."""
        copier = Copier(self._store, self._repository.objects, set(self._repository.objects.names()), check)
        self._count(copier.copy(self._rows_now(), self._how_many(), self._progress))
        copier = replace(copier, check=False)
        dumped, copied = self._one_moment(at, copier)
        self._keep_keys(dumped)
        manifest = self._manifest(at, dumped, copied)
        return Made(seal(manifest), self._copied, self._copied_bytes)

    def _one_moment(self, at: datetime, copier: Copier) -> tuple[Dump, Copied]:
        for left in reversed(range(MOMENTS)):
            self._name = self._repository.new_name(at)
            dumped = dump(self._engine, self._repository, self._name)
            failpoint(Point.BACKUP_DUMPED)
            copied = copier.copy(self._rows_of(dumped), dumped.seen.objects, self._progress)
            self._count(copied)
            failpoint(Point.BACKUP_OBJECTS)
            if not left or not self._gone(copied.lost):
                break
            self._repository.drop(self._name)
        return dumped, copied

    def _rows_now(self) -> Iterator[ObjectRow]:
        query = select(
            StoredObject.name, StoredObject.case_id, StoredObject.sealed_size, StoredObject.sealed_sha256
        )
        with one_moment(self._engine) as connection:
            for row in connection.execute(query.execution_options(yield_per=1000)):
                yield ObjectRow(*row)

    def _how_many(self) -> int:
        with one_moment(self._engine) as connection:
            return connection.scalars(select(func.count()).select_from(StoredObject)).one()

    def _rows_of(self, dumped: Dump) -> Iterator[ObjectRow]:
        closed = self._repository.forgotten() | dumped.seen.shredded
        told = next(one for one in dumped.tables if one.name == "stored_object")
        for row in self._repository.rows_below(self._name, told):
            if row["case_id"] not in closed:
                yield ObjectRow.of(row)

    def _gone(self, lost: list[ObjectRow]) -> bool:
        """Whether any of these has no row any more either: then the hub discarded it, and nothing is wrong."""
        names = [row.name for row in lost]
        with one_moment(self._engine) as connection:
            found = set(connection.scalars(select(StoredObject.name).where(StoredObject.name.in_(names))))
        return bool(set(names) - found)

    def _keep_keys(self, dumped: Dump) -> None:
        known = set(self._repository.references())
        for one, wrapped in dumped.seen.keys.items():
            if one not in known:
                self._repository.keep(one, wrapped)

    def _manifest(self, at: datetime, dumped: Dump, copied: Copied) -> Manifest:
        return Manifest(
            hub=self._repository.hub,
            repository=self._repository.id,
            snapshot=self._name,
            created_at=at,
            revision=dumped.revision,
            tables=dumped.tables,
            areas=dumped.seen.states(),
            objects=copied.count,
            object_bytes=copied.bytes,
            missing=tuple(sorted(row.name for row in copied.lost)),
        )

    def _count(self, copied: Copied) -> None:
        self._copied += copied.added
        self._copied_bytes += copied.added_bytes


def publish(repository: Repository, manifest: Manifest) -> None:
    repository.publish(manifest)
    failpoint(Point.BACKUP_PUBLISHED)
