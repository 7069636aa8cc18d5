"""One moment of the database, written into a snapshot while the hub serves: rows, and what there is to say of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, Table, text

from hub.backup.manifest import AreaState
from hub.backup.repository import Repository
from hub.backup.tables import REVISIONS, Row, TableFile, TableWriter, rows_of, tables
from hub.backup.wrappings import CASE, Reference, placed, taken_out
from hub.ledger.tree import Frontier

TREE_BATCH = 1000
CHECKPOINTS = "log_checkpoint"


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """What a row says of a sealed object: enough to copy it and to know it again without a key."""

    name: str
    case: str
    size: int
    sha256: str

    @classmethod
    def of(cls, row: Row) -> "ObjectRow":
        return cls(row["name"], row["case_id"], row["sealed_size"], row["sealed_sha256"])


@dataclass(slots=True)
class Seen:
    """What is noticed as the rows go by."""

    keys: dict[Reference, bytes] = field(default_factory=dict)
    objects: int = 0
    shredded: set[str] = field(default_factory=set)
    trees: dict[str, "Growing"] = field(default_factory=dict)
    areas: list[Reference] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def look(self, table: str, row: Row) -> None:
        """Keys are taken out of the row; what else the manifest needs is remembered."""
        self.keys |= taken_out(table, row)
        if table == CASE and row["key_wrapped"] is None:
            self.shredded.add(row["id"])
        if table == "stored_object":
            self.objects += 1
        elif table == "log_entry":
            self.trees.setdefault(row["area_id"], Growing()).add(row["leaf_hash"])
        elif table == "area":
            self.areas.append(placed(table, row)["key_wrapped"])
        elif table == CHECKPOINTS:
            self.notes[row["area_id"]] = row["note"]

    def states(self) -> tuple[AreaState, ...]:
        return tuple(self._state(key) for key in sorted(self.areas, key=lambda one: one.owner))

    def _state(self, key: Reference) -> AreaState:
        tree = self.trees.get(key.owner, Growing()).tree()
        return AreaState(
            area=key.owner,
            entries=tree.size,
            root=tree.root.hex(),
            key=key.digest,
            key_version=key.version,
            checkpoint=self.notes.get(key.owner),
        )


class Growing:
    """A log's tree as its entries go by, a batch at a time."""

    def __init__(self) -> None:
        self._tree, self._waiting = Frontier(), list[bytes]()

    def add(self, leaf_hash: bytes) -> None:
        self._waiting.append(leaf_hash)
        if len(self._waiting) >= TREE_BATCH:
            self.tree()

    def tree(self) -> Frontier:
        """Of all that was added."""
        if self._waiting:
            self._tree, self._waiting = self._tree.extended(self._waiting), []
        return self._tree


@dataclass(frozen=True, slots=True)
class Dump:
    revision: str
    tables: tuple[TableFile, ...]
    seen: Seen


def dump(engine: Engine, repository: Repository, snapshot: str) -> Dump:
    """Every table as it was at one moment, written below the snapshot, which is none until its manifest is there."""
    seen = Seen()
    with one_moment(engine) as connection:
        revision = connection.scalars(text(f"SELECT version_num FROM {REVISIONS}")).one()  # noqa: S608 - a constant
        written = tuple(
            _written(connection, table, repository, snapshot, seen) for table in tables(connection)
        )
    return Dump(revision, written, seen)


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """Reads that all see the database as it is at the first of them; nobody waits for them."""
    options: Mapping[str, object] = {}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        yield connection.execution_options(**options) if options else connection


def _written(
    connection: Connection, table: Table, repository: Repository, snapshot: str, seen: Seen
) -> TableFile:
    writer = TableWriter(table, _looked_at(connection, table, seen))
    repository.place.write(repository.table_path(snapshot, table.name), writer.chunks())
    return writer.told()


def _looked_at(connection: Connection, table: Table, seen: Seen) -> Iterator[Row]:
    for row in rows_of(connection, table):
        seen.look(table.name, row)
        yield row
