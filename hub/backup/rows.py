"""A snapshot's rows back into an empty database, of whatever revision and kind."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, update
from sqlalchemy.exc import DBAPIError

from hub.backup.dump import Growing
from hub.backup.manifest import Manifest
from hub.backup.repository import Repository
from hub.backup.tables import Row, insert_rows, tables
from hub.backup.wrappings import CASE, Reference, placed
from hub.cases.model import Case
from hub.errors import Refused
from hub.ledger.entries import leaf_hash
from hub.migrations import known_revisions, upgrade_to
from storage.errors import Tampered


@dataclass(slots=True)
class Filled:
    """`shredded`: cases whose keys are gone from the repository, and so stay closed."""

    rows: int
    shredded: list[str]


def fill(connection: Connection, repository: Repository, manifest: Manifest, now: datetime) -> Filled:
    """Tables as they were, rows, then today's tables; the log's roots must be the manifest's. The caller commits."""
    require_known(manifest)
    upgrade_to(connection, manifest.revision)
    found = {table.name: table for table in tables(connection)}
    if {one.name for one in manifest.tables} != set(found):
        raise Tampered("The snapshot's tables are not those of its revision.")
    filling = _Filling(repository, manifest)
    for table in found.values():
        filling.table(connection, table)
    filling.compare()
    upgrade_to(connection, "head")
    _mark_shredded(connection, filling.shredded, now)
    return Filled(sum(one.rows for one in manifest.tables), filling.shredded)


def require_known(manifest: Manifest) -> None:
    if manifest.revision not in known_revisions():
        raise Refused("The snapshot was made by a newer version of this program: restore it with that one.")


class _Filling:
    def __init__(self, repository: Repository, manifest: Manifest) -> None:
        self._repository, self._manifest = repository, manifest
        self._forgotten = repository.forgotten()
        self._trees = {one.area: Growing() for one in manifest.areas}
        self.shredded: list[str] = []

    def table(self, connection: Connection, table: Table) -> None:
        try:
            insert_rows(connection, table, self._rows(table.name))
        except DBAPIError as error:
            raise Refused(
                f"The database does not take the rows of {table.name} ({type(error.orig).__name__}): nothing was restored."
            ) from error

    def _rows(self, table: str) -> Iterator[Row]:
        for row in self._repository.rows(self._manifest, table):
            self._place_keys(table, row)
            if table == "log_entry":
                self._trees[row["area_id"]].add(leaf_hash(row["leaf"]))
            yield row

    def _place_keys(self, table: str, row: Row) -> None:
        for column, one in placed(table, row).items():
            row[column] = None if table == CASE and one.owner in self._forgotten else self._key(one)
        if table == CASE and row["id"] in self._forgotten:
            self.shredded.append(row["id"])

    def _key(self, one: Reference) -> bytes:
        wrapped = self._repository.wrapping(one)
        if wrapped is None:
            raise Tampered(f"The key of {one.table.strip('_')} {one.owner} is missing from the repository.")
        return wrapped

    def compare(self) -> None:
        for one in self._manifest.areas:
            tree = self._trees[one.area].tree()
            if (tree.size, tree.root.hex()) != (one.entries, one.root):
                raise Tampered("The access log in the snapshot is not the one that its manifest tells of.")


def _mark_shredded(connection: Connection, shredded: list[str], now: datetime) -> None:
    """As the row would be had it been shredded here: the key is gone, and since when."""
    for case in shredded:
        mine = (Case.id == case) & Case.destroyed_at.is_(None)
        connection.execute(update(Case).where(mine).values(destroyed_at=now))
