"""A snapshot back on a clean machine: keys are tried first, then objects, then all rows in one transaction.

Whoever is interrupted runs it again: objects that are there are not copied again, and the rows are there in whole or not at all.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, inspect, select

from hub.backup.dump import ObjectRow
from hub.backup.keys import Keys
from hub.backup.manifest import Manifest
from hub.backup.objects import Copier, Progress
from hub.backup.repository import Repository
from hub.backup.rows import fill, require_known
from hub.clock import Clock
from hub.errors import Refused
from hub.people.model import Installation
from storage.disk import disk_errors, sync_folder
from storage.errors import NotFound, Tampered
from storage.failpoints import Point, failpoint
from storage.keys import KeyProvider
from storage.stores.base import Store

MARK = "restoring.json"
"""In the home from before the first write of a restore until it is on record: meanwhile the hub does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to: all of it empty."""

    home: Path
    engine: Engine
    store: Store
    provider: KeyProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """`shredded`: cases whose keys are gone from the repository; `objects` counts those that are now in the store."""

    manifest: Manifest
    objects: int
    shredded: tuple[str, ...]


def restore(
    target: Target, repository: Repository, manifest: Manifest, clock: Clock, progress: Progress
) -> Restored:
    """Everything but the entry in the log and `finish`, which are the caller's."""
    require_known(manifest)
    Keys(repository, target.provider).check(manifest)
    filled = _require_empty(target, manifest)
    _require_no_other_objects(target.store, repository, manifest)
    _mark(target.home, manifest)
    count = _copy(target.store, repository, manifest, progress)
    failpoint(Point.RESTORE_OBJECTS)
    if not filled:
        with target.engine.execution_options(hub_writes=True).begin() as connection:
            fill(connection, repository, manifest, clock())
    failpoint(Point.RESTORE_FILLED)
    return Restored(manifest=manifest, objects=count, shredded=tuple(sorted(_shredded(repository, manifest))))


def under_way(home: Path) -> str | None:
    """The snapshot of a restore that was begun here and not finished."""
    with suppress(NotFound), disk_errors():
        return str(json.loads((home / MARK).read_bytes())["snapshot"])
    return None


def finish(home: Path) -> None:
    with disk_errors():
        (home / MARK).unlink(missing_ok=True)
        sync_folder(home)


def _require_empty(target: Target, manifest: Manifest) -> bool:
    """Whether the rows are there already, of this very restore; `Refused` when any others are."""
    with target.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        if not tables:
            return False
        ours = under_way(target.home) == manifest.snapshot and "installation" in tables
        if ours and connection.scalars(select(Installation.id)).all() == [manifest.hub]:
            return True
    raise Refused(
        "The database is not empty. A backup is restored onto an empty database, store and home alone."
    )


def _require_no_other_objects(store: Store, repository: Repository, manifest: Manifest) -> None:
    own = {row.name for row in _objects(repository, manifest)}
    if any(name not in own for name in store.names()):
        raise Refused("The store holds objects that are not of this snapshot: restore onto an empty store.")


def _copy(store: Store, repository: Repository, manifest: Manifest, progress: Progress) -> int:
    copier = Copier(repository.objects, store, set(store.names()))
    excused = set(manifest.missing)
    rows = (row for row in _objects(repository, manifest) if row.name not in excused)
    copied = copier.copy(rows, manifest.objects, progress)
    if copied.lost:
        raise Tampered(
            f"{len(copied.lost)} objects of the snapshot are missing from the repository or altered, "
            f"the first of them {copied.lost[0].name}: run `backup verify`, or restore another snapshot."
        )
    return copied.count


def _objects(repository: Repository, manifest: Manifest) -> Iterator[ObjectRow]:
    closed = repository.closed(manifest)
    for row in repository.rows(manifest, "stored_object"):
        if row["case_id"] not in closed:
            yield ObjectRow.of(row)


def _shredded(repository: Repository, manifest: Manifest) -> Iterator[str]:
    forgotten = repository.forgotten()
    return (row["id"] for row in repository.rows(manifest, "case_") if row["id"] in forgotten)


def _mark(home: Path, manifest: Manifest) -> None:
    told = {"repository": manifest.repository, "snapshot": manifest.snapshot}
    with disk_errors():
        mark = home / MARK
        temporary = home / f"{MARK}.new"
        temporary.write_text(json.dumps(told))
        temporary.replace(mark)
        sync_folder(home)
