"""How a batch of entries is written with the log's lock held: rows, the head of the log and the heads of cases.

PostgreSQL takes all of it as one statement: each more is a way there and back, and to take apart one JSON value costs it two thirds
of as many rows. SQLite has no such way, and no such gain.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    LargeBinary,
    Table,
    Text,
    Update,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects import postgresql, sqlite

from hub.ledger.model import LogCaseHead, LogEntry, LogHead

ENTRIES, HEAD, CASES = (cast(Table, one.__table__) for one in (LogEntry, LogHead, LogCaseHead))
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Batch:
    """`last` and `frontier`: of the log with these entries. Rows by the names of the columns; every entry and case has all of them."""

    area: str
    last: int
    frontier: bytes
    entries: Rows
    cases: Rows


def write(connection: Connection, batch: Batch) -> None:
    moved = {"area": batch.area, "last": batch.last, "end": batch.frontier}
    if connection.dialect.name == "postgresql":
        together = {"entries": _json(batch.entries), "cases": _json(batch.cases)}
        connection.execute(_together(), moved | together)
        return
    connection.execute(_ADD, batch.entries)
    connection.execute(_MOVE, moved)
    if batch.cases:
        connection.execute(_KEEP_CASES, batch.cases)


def _head_moved() -> Update:
    where = update(HEAD).where(HEAD.c.area_id == bindparam("area"))
    return where.values(sequence=bindparam("last"), frontier=bindparam("end"))


Upsert = TypeVar("Upsert", sqlite.Insert, postgresql.Insert)


def _cases_kept(adding: Upsert) -> Upsert:
    """A case's first entry brings its head, every later one moves it."""
    moved = {name: adding.excluded[name] for name in ("sequence", "head")}
    return adding.on_conflict_do_update(index_elements=["case_id"], set_=moved)


_ADD, _MOVE, _KEEP_CASES = insert(ENTRIES), _head_moved(), _cases_kept(sqlite.insert(CASES))


@cache
def _together() -> Insert:
    cases = postgresql.insert(CASES).from_select(_names(CASES), _given(CASES, "cases"))
    added = insert(ENTRIES).from_select(_names(ENTRIES), _given(ENTRIES, "entries"))
    return added.add_cte(_head_moved().cte("moved"), _cases_kept(cases).cte("kept"))


def _given(table: Table, name: str) -> Any:
    """The rows of a table as they stand in the JSON value of that name, in the order of its columns."""
    columns = [Column(one.name, Text if _is_bytes(one) else one.type) for one in table.c]
    listed = func.json_to_recordset(cast_to(bindparam(name), postgresql.JSON)).table_valued(
        *columns, name=f"given_{name}"
    )
    rows: FromClause = listed.render_derived(with_types=True)
    return select(
        *(func.decode(rows.c[one.name], "hex") if _is_bytes(one) else rows.c[one.name] for one in table.c)
    )


def _names(table: Table) -> list[str]:
    return [one.name for one in table.c]


def _is_bytes(column: ColumnElement[Any]) -> bool:
    return isinstance(column.type, LargeBinary)


def _json(rows: Rows) -> str:
    return json.dumps(rows, default=_in_json, ensure_ascii=False)


def _in_json(value: Any) -> str:
    """Bytes in hexadecimal; a time as PostgreSQL reads it."""
    return value.hex() if isinstance(value, bytes) else str(value.isoformat())
