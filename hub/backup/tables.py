"""Tables as files that no database owns: gzip of lines of JSON, the first of them the columns, each other one a row.

Column kinds: `text`, `int`, `float`, `bool`, `json` as JSON has them; `bytes` in base64; `time` in UTC and `date` in ISO 8601.
Tables are read from the database as it stands, not from the models: an older revision is written and read alike.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
)
from sqlalchemy.exc import CompileError

from storage.errors import Tampered

REVISIONS = "alembic_version"
"""The one table that is not backed up: restoring makes it."""
TRANSIENT = frozenset({"session", "session_reason", "sign_in_step", "throttle", "held_form", "asked_search"})
"""Whose rows are left out: a session ended since must not be live again, and what somebody was typing or looking for is
sealed under the area's key, so that it would outlive the shredding of its case."""
AT_ONCE = 500
_GZIP = 31
"""zlib's word for gzip's format, which then carries no time of its own: the same rows give the same bytes."""
_LEVEL = 1
_STEP = 1 << 20
_ALTERED = "The backup is not as it was written: a table's file was changed, cut or exchanged."

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """What the manifest says of one: `length` is that of the text, `size` that of the file, in bytes."""

    name: str
    rows: int
    length: int
    size: int
    sha256: str


def tables(connection: Connection) -> list[Table]:
    """Every table of the database, one that is referred to before those that refer to it."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != REVISIONS]


def kind_of(column: Column[Any]) -> str:
    for kind, types in _KINDS:
        if isinstance(column.type, types):
            return kind
    raise CompileError(f"{column} has a type that backups do not know yet: say so in hub/backup/tables.py.")


_KINDS: tuple[tuple[str, Any], ...] = (
    ("json", JSON),
    ("bool", Boolean),
    ("int", Integer),
    ("float", Float),
    ("time", DateTime),
    ("date", Date),
    ("bytes", LargeBinary),
    ("text", String),
)


def rows_of(connection: Connection, table: Table) -> Iterator[Row]:
    """In the order of the primary key; a few at a time in memory. None of a transient table."""
    if table.name in TRANSIENT:
        return
    query = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=AT_ONCE)
    with connection.execute(query) as found:
        for row in found.mappings():
            yield dict(row)


class TableWriter:
    """Gives the chunks of a table's file as it is read, and afterwards what the manifest says of it."""

    def __init__(self, table: Table, rows: Iterable[Row]) -> None:
        self._table, self._rows = table, rows
        self._columns = [(column.name, kind_of(column)) for column in table.columns]
        self._digest, self._count, self._length, self._size = hashlib.sha256(), 0, 0, 0

    def chunks(self) -> Iterator[bytes]:
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        for line in self._lines():
            self._length += len(line)
            yield from self._counted(packer.compress(line))
        yield from self._counted(packer.flush())

    def told(self) -> TableFile:
        return TableFile(
            name=self._table.name,
            rows=self._count,
            length=self._length,
            size=self._size,
            sha256=self._digest.hexdigest(),
        )

    def _lines(self) -> Iterator[bytes]:
        yield _line({"table": self._table.name, "columns": self._columns})
        for row in self._rows:
            self._count += 1
            yield _line(
                [_WRITE[kind](row[name]) if row[name] is not None else None for name, kind in self._columns]
            )

    def _counted(self, data: bytes) -> Iterator[bytes]:
        if data:
            self._digest.update(data)
            self._size += len(data)
            yield data


class TableReader:
    """The rows of a table's file. `Tampered` at the latest at the end when it is not the one that the manifest tells of."""

    def __init__(self, chunks: Iterable[bytes], told: TableFile) -> None:
        self._chunks, self._told = chunks, told

    def rows(self) -> Iterator[Row]:
        lines = self._lines()
        columns = _columns(next(lines, b""), self._told.name)
        count = 0
        for line in lines:
            count += 1
            yield _row(line, columns)
        if count != self._told.rows:
            raise Tampered(_ALTERED)

    def _lines(self) -> Iterator[bytes]:
        rest = bytearray()
        for data in self._unpacked():
            rest += data
            *whole, last = rest.split(b"\n")
            rest = last
            yield from (bytes(one) for one in whole)
        if rest:
            raise Tampered(_ALTERED)

    def _unpacked(self) -> Iterator[bytes]:
        """Never more than the manifest says, however well a forged file is packed."""
        digest, left, unpacker = hashlib.sha256(), self._told.length, zlib.decompressobj(_GZIP)
        for chunk in self._chunks:
            digest.update(chunk)
            for data in _inflated(unpacker, chunk):
                left -= len(data)
                if left < 0:
                    raise Tampered(_ALTERED)
                yield data
        if left != 0 or not unpacker.eof or unpacker.unused_data or digest.hexdigest() != self._told.sha256:
            raise Tampered(_ALTERED)


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Add what a file held; a column that the table does not have is an error."""
    for column in table.columns:
        if isinstance(column.type, JSON):
            column.type = JSON(none_as_null=True)
    for batch in _batches(rows):
        connection.execute(table.insert(), batch)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """By number and by size: a row with a case's search shard is large."""
    batch, size = list[Row](), 0
    for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, bytes))
        if len(batch) >= AT_ONCE or size > _STEP:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _inflated(unpacker: Any, data: bytes) -> Iterator[bytes]:
    try:
        while data and not unpacker.eof:
            yield unpacker.decompress(data, _STEP)
            data = unpacker.unconsumed_tail
    except zlib.error:
        raise Tampered(_ALTERED) from None


def _columns(line: bytes, table: str) -> Sequence[tuple[str, str]]:
    try:
        head = json.loads(line)
        columns = [(str(name), str(kind)) for name, kind in head["columns"]]
        sound = head["table"] == table and all(kind in _READ for _, kind in columns)
    except (ValueError, KeyError, TypeError):
        sound, columns = False, []
    if not sound:
        raise Tampered(_ALTERED)
    return columns


def _row(line: bytes, columns: Sequence[tuple[str, str]]) -> Row:
    try:
        values = json.loads(line)
        return {
            name: None if value is None else _READ[kind](value)
            for (name, kind), value in zip(columns, values, strict=True)
        }
    except (ValueError, TypeError):
        raise Tampered(_ALTERED) from None


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _as_time(value: datetime) -> str:
    """SQLite gives times without a zone; all are UTC."""
    return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()


def _same(value: Any) -> Any:
    return value


_WRITE: dict[str, Callable[[Any], Any]] = {
    "text": _same,
    "int": _same,
    "float": _same,
    "bool": _same,
    "json": _same,
    "bytes": lambda value: base64.b64encode(value).decode("ascii"),
    "time": _as_time,
    "date": date.isoformat,
}
_READ: dict[str, Callable[[Any], Any]] = _WRITE | {
    "bytes": base64.b64decode,
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
}
