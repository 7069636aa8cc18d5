"""A new key for cases, while they are read and written.

1. announced: the next key stands beside the present one and is opened with, not sealed with; then everyone knows both.
2. taken up: the two change places; from here on everything is sealed under the new one.
3. every value and object's key that the new one does not open is sealed again, a few rows at a time.
4. retired: the old key is dropped, once nothing is left that needs it.
Between the steps whoever began before is waited for. The state is in the case's row alone, so any process may go on with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.cases.model import Case
from hub.clock import Clock
from hub.db import Database, Entry, UnitOfWork
from hub.documents.model import StoredObject
from hub.keys.rows import Key, at_last, key_of, locked, put, until_none
from hub.keys.sealed import CASE_TABLES, OfCase, Turn
from hub.keys.waiting import all_earlier_done
from hub.ledger.events import CaseKeyRotated
from hub.vaults import Vaults, area_key, case_key
from storage.failpoints import Point, failpoint
from storage.keys import WrappedKey

Progress = Callable[[str, int, int], None]
"""(what is done, how many, of how many)"""
Conditions = tuple[ColumnElement[bool], ...]
ANNOUNCED = Case.key_spare_version > Case.key_version
TAKEN_UP = Case.key_spare_version < Case.key_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    db: Database
    clock: Clock
    vaults: Vaults
    progress: Progress
    because: str = ""


class CaseRotation:
    """Of cases of one area."""

    def __init__(self, parts: Parts, area: str) -> None:
        self._parts, self._area = parts, area
        self._db, self._vaults = parts.db, parts.vaults

    def rotate(self, cases: Sequence[str]) -> int:
        """A new key for each; those whose rotation was under way go on with that one. How many were finished."""
        self._all((Case.key_spare_version.is_(None), Case.key_wrapped.is_not(None)), cases, self._announce)
        return self._on(cases)

    def resume(self) -> int:
        """Finish what was begun before, and drop the spare key of what was shredded meanwhile."""
        self._all((Case.key_spare_version.is_not(None), Case.key_wrapped.is_(None)), None, self._drop)
        return self._on(self._ids((Case.key_spare_version.is_not(None),), None))

    def _on(self, cases: Sequence[str]) -> int:
        failpoint(Point.KEYS_ANNOUNCED)
        all_earlier_done(self._db.engine)
        self._all((ANNOUNCED,), cases, self._take_up)
        failpoint(Point.KEYS_TAKEN_UP)
        all_earlier_done(self._db.engine)
        left = self._ids((TAKEN_UP,), cases)
        for number, case in enumerate(left, 1):
            self._finish(case)
            self._parts.progress("cases have their new key", number, len(left))
        with self._db.reading() as session:
            self._vaults.keyring(session).forget()
        return len(left)

    def _all(
        self, that: Conditions, cases: Sequence[str] | None, step: Callable[[UnitOfWork, Case], None]
    ) -> None:
        def take(work: UnitOfWork, keys: Sequence[Key]) -> int:
            rows = locked(work.session, Case, keys, *that)
            for row in rows:
                step(work, row)
            return len(rows)

        until_none(self._db, lambda: [(case,) for case in self._ids(that, cases)], take)

    def _ids(self, that: Conditions, cases: Sequence[str] | None) -> list[str]:
        """Those of `cases` (None: of all) that are so."""
        query = select(Case.id).where(Case.area_id == self._area, *that).order_by(Case.id)
        with self._db.reading() as session:
            found = list(session.scalars(query))
        wanted = set(found if cases is None else cases)
        return [case for case in found if case in wanted]

    def _announce(self, work: UnitOfWork, row: Case) -> None:
        version = row.key_version + 1
        key = self._vaults.new_case_key(work.session, self._area, row.id, version=version)
        put(work.session, row, {"key_spare_version": version, "key_spare_wrapped": key.data})
        self._note(work, row.id, "begun", version, 0)

    def _take_up(self, work: UnitOfWork, row: Case) -> None:
        put(
            work.session,
            row,
            {
                "key_version": row.key_spare_version,
                "key_wrapped": row.key_spare_wrapped,
                "key_spare_version": row.key_version,
                "key_spare_wrapped": row.key_wrapped,
                "key_since": self._parts.clock(),
            },
        )

    def _drop(self, work: UnitOfWork, row: Case) -> None:
        put(work.session, row, {"key_spare_version": None, "key_spare_wrapped": None})

    def _finish(self, case: str) -> None:
        turn, version = at_last(lambda: self._begin_sealing(case))
        if turn is None:
            return
        count = sum(self._seal_again(table, case, turn) for table in CASE_TABLES)
        failpoint(Point.KEYS_RESEALED)
        at_last(lambda: self._retire(case, version, count))
        failpoint(Point.KEYS_RETIRED)

    def _begin_sealing(self, case: str) -> tuple[Turn | None, int]:
        """The entry that says so comes first: its receipt covers every object of the case."""
        with self._db.work() as work:
            row = work.session.get_one(Case, case)
            key = case_key(row)
            if key is None or key.spare is None:
                return None, 0
            objects = list(work.session.scalars(select(StoredObject.id).where(StoredObject.case_id == case)))
            entry = self._note(work, case, "sealing again", row.key_version, len(objects))
            turn = self._turn(work.session, case, key, key.spare)
            work.commit()
            receipt = work.receipt(entry, case=case, objects=objects, purpose="rewrap") if objects else None
        return Turn(old=turn.old, new=turn.new, receipt=receipt), key.version

    def _turn(self, session: Session, case: str, new: WrappedKey, old: WrappedKey) -> Turn:
        ring, area = self._vaults.keyring(session), area_key(session, self._area)
        return Turn(
            old=ring.case_vault(area, old, self._area, case),
            new=ring.case_vault(area, new.alone, self._area, case),
            receipt=None,
        )

    def _seal_again(self, table: OfCase, case: str, turn: Turn) -> int:
        def left() -> list[Key]:
            with self._db.reading() as session:
                rows = session.scalars(select(table.model).where(table.rows(case)))
                return [key_of(row) for row in rows if _old_values(table, turn, row)]

        def take(work: UnitOfWork, keys: Sequence[Key]) -> int:
            rows = locked(work.session, table.model, keys)
            for row in rows:
                again = {
                    name: table.values[name].again(turn, row, getattr(row, name))
                    for name in _old_values(table, turn, row)
                }
                if again:
                    put(work.session, row, again)
            return len(rows)

        return until_none(self._db, left, take)

    def _retire(self, case: str, version: int, count: int) -> None:
        """Everything was found to open under the new key; nobody is left who seals under the old."""
        with self._db.work() as work:
            row = work.session.get_one(Case, case)
            spare = {"key_spare_version": None, "key_spare_wrapped": None}
            if put(work.session, row, spare, Case.key_version == version, TAKEN_UP):
                self._note(work, case, "finished", version, count)
            work.commit()

    def _note(self, work: UnitOfWork, case: str, step: str, version: int, count: int) -> Entry:
        said = CaseKeyRotated(case=case, step=step, version=version, count=count, because=self._parts.because)
        return work.record(program(self._area), said)


def _old_values(table: OfCase, turn: Turn, row: Any) -> list[str]:
    """The columns of a row that do not open under the next key."""
    held = ((name, getattr(row, name)) for name in table.values)
    return [
        name for name, value in held if value is not None and not table.values[name].is_new(turn, row, value)
    ]
