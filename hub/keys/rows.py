"""Rows changed a few at a time, beside people's own work: what another transaction holds is passed over and met again.

A rotation never waits for a row while it holds another, so it neither blocks a request for long nor is locked with one.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Table, inspect, select, tuple_, update
from sqlalchemy.orm import Session

from hub.db import Base, Database, UnitOfWork
from hub.errors import LogUnwritable
from hub.keys.waiting import StillRunning

AT_ONCE = 100
TRIES = 600
PAUSE = 0.05
Key = tuple[Any, ...]
_T = TypeVar("_T")


def key_of(row: Base) -> Key:
    return tuple(inspect(row).identity or ())


def locked(
    session: Session, model: type[Base], keys: Sequence[Key], *only_if: ColumnElement[bool]
) -> list[Any]:
    """Those of the rows that nobody else is changing, locked until the commit."""
    columns = inspect(model).primary_key
    query = select(model).where(tuple_(*columns).in_(keys), *only_if).order_by(*columns)
    return list(session.scalars(query.with_for_update(key_share=True, skip_locked=True)))


def put(session: Session, row: Base, values: dict[str, Any], *only_if: ColumnElement[bool]) -> bool:
    """Change columns of a row without counting it as an edit: `row_version` stays, so nobody's form goes stale.

    False where the row is no longer as `only_if` says, and nothing was changed.
    """
    table = cast(Table, type(row).__table__)
    same = [column == value for column, value in zip(table.primary_key, key_of(row), strict=True)]
    changed = session.execute(update(table).where(*same, *only_if).values(values))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def until_none(
    db: Database, left: Callable[[], Sequence[Key]], take: Callable[[UnitOfWork, Sequence[Key]], int]
) -> int:
    """Have every row taken: `left` says which are, `take` does those it can lock; how many were done.

    The loop ends only when `left` finds nothing more: what it finds is the proof that all is done.
    """
    done = 0
    for _ in range(TRIES):
        waiting = left()
        if not waiting:
            return done
        before = done
        for start in range(0, len(waiting), AT_ONCE):
            done += _taken(db, waiting[start : start + AT_ONCE], take)
        if done == before:
            time.sleep(PAUSE)
    raise StillRunning


def _taken(db: Database, keys: Sequence[Key], take: Callable[[UnitOfWork, Sequence[Key]], int]) -> int:
    """0 where the database was busy: they are met again."""
    try:
        with db.work() as work:
            taken = take(work, keys)
            work.commit()
            return taken
    except LogUnwritable:
        time.sleep(PAUSE)
        return 0


def at_last(then: Callable[[], _T]) -> _T:
    """Do it, again when the database was busy; raises LogUnwritable when it stays so."""
    for _ in range(20):
        try:
            return then()
        except LogUnwritable:
            time.sleep(PAUSE)
    return then()
