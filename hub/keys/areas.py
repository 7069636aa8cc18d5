"""A new key for an area, in the steps of `hub.keys.cases`; beneath it every case key is wrapped again.

What the area itself keeps sealed is sealed again where it can be. Sealed parts of log entries cannot: the old key for that one
purpose is kept, wrapped under the new area key, and opens those and nothing else.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.cases.model import Case
from hub.db import UnitOfWork
from hub.keys.cases import Parts
from hub.keys.rows import Key, at_last, key_of, locked, put, until_none
from hub.keys.sealed import AREA_TABLES, OfArea
from hub.keys.waiting import all_earlier_done
from hub.ledger.events import KeysRotated
from hub.people.model import Area, AreaPurposeKey
from hub.vaults import KEPT, kept_keys
from storage.failpoints import Point, failpoint
from storage.keys import Keyring, WrappedKey

WRAPS = (("key_version", "key_wrapped"), ("key_spare_version", "key_spare_wrapped"))


class AreaRotation:
    def __init__(self, parts: Parts, area: str) -> None:
        self._parts, self._area = parts, area
        self._db, self._vaults = parts.db, parts.vaults

    def rotate(self) -> int:
        """A new key, or the one that was begun before, to its end; its version."""
        at_last(self._announce)
        failpoint(Point.KEYS_ANNOUNCED)
        all_earlier_done(self._db.engine)
        at_last(self._take_up)
        failpoint(Point.KEYS_TAKEN_UP)
        all_earlier_done(self._db.engine)
        new, old = self._keys()
        count = self._wrap_cases_again(new, old) + sum(
            self._seal_again(table, new, old) for table in AREA_TABLES
        )
        failpoint(Point.KEYS_RESEALED)
        at_last(lambda: self._retire(new.version, count))
        failpoint(Point.KEYS_RETIRED)
        self._ring().forget()
        return new.version

    def _announce(self) -> None:
        with self._db.work() as work:
            row = self._row(work.session)
            if row.key_spare_version is not None:
                return
            version = row.key_version + 1
            key = self._vaults.new_area_key(work.session, self._area, version=version)
            put(work.session, row, {"key_spare_version": version, "key_spare_wrapped": key.data})
            self._note(work, "begun", version, 0)
            work.commit()

    def _take_up(self) -> None:
        with self._db.work() as work:
            row = self._row(work.session)
            if row.key_spare_version is None or row.key_spare_version < row.key_version:
                return
            old, new = _both(row)
            count = self._keep_purposes(work.session, old, new)
            swapped = {
                "key_version": new.version,
                "key_wrapped": new.data,
                "key_spare_version": old.version,
                "key_spare_wrapped": old.data,
                "key_since": self._parts.clock(),
            }
            self._note(work, "taken up", new.version, count)
            put(work.session, row, swapped)
            work.commit()

    def _keep_purposes(self, session: Session, old: WrappedKey, new: WrappedKey) -> int:
        """The old key's purposes, and those kept from before, under the new key."""
        ring, count = self._vaults.keyring(session), 0
        for purpose in sorted(KEPT):
            again = [
                ring.rewrap_kept(old, new, self._area, purpose, one) for one in self._kept(session, purpose)
            ]
            for one in [*again, ring.keep_purpose_key(old, new, self._area, purpose)]:
                named = {"area_id": self._area, "purpose": purpose, "version": one.version}
                session.merge(AreaPurposeKey(**named, wrapped=one.data))
                count += 1
        session.flush()
        return count

    def _kept(self, session: Session, purpose: str) -> list[WrappedKey]:
        return kept_keys(session, self._area, purpose)

    def _keys(self) -> tuple[WrappedKey, WrappedKey]:
        with self._db.reading() as session:
            return _both(session.get_one(Area, self._area))

    def _ring(self) -> Keyring:
        with self._db.reading() as session:
            return self._vaults.keyring(session)

    def _wrap_cases_again(self, new: WrappedKey, old: WrappedKey) -> int:
        ring = self._ring()

        def stale(row: Case) -> dict[str, bytes]:
            """{column: the wrap again} of what the new area key does not open."""
            again = {}
            for version, wrapped in WRAPS:
                number, data = getattr(row, version), getattr(row, wrapped)
                if number is None or data is None:
                    continue
                key = WrappedKey(version=number, data=data)
                if not ring.opens_case_key(new, self._area, row.id, key):
                    again[wrapped] = ring.rewrap_case_key(old, new, self._area, row.id, key).data
            return again

        def left() -> list[Key]:
            with self._db.reading() as session:
                rows = session.scalars(select(Case).where(Case.area_id == self._area))
                return [(row.id,) for row in rows if stale(row)]

        return self._until_none(Case, left, stale, "case keys are wrapped again")

    def _seal_again(self, table: OfArea, new: WrappedKey, old: WrappedKey) -> int:
        ring = self._ring()
        fresh, before = (ring.area_box(key, self._area, table.purpose) for key in (new, old))

        def stale(row: Any) -> dict[str, bytes]:
            sealed = getattr(row, table.column)
            if sealed is None or table.is_new(fresh, row, sealed):
                return {}
            return {table.column: table.again(before, fresh, row, sealed)}

        def left() -> list[Key]:
            with self._db.reading() as session:
                rows = session.scalars(select(table.model).where(table.rows(self._area)))
                return [key_of(row) for row in rows if stale(row)]

        return self._until_none(
            table.model, left, stale, f"values of {table.model.__tablename__} are sealed again"
        )

    def _until_none(
        self,
        model: Any,
        left: Callable[[], list[Key]],
        stale: Callable[[Any], dict[str, bytes]],
        said: str,
    ) -> int:
        done = 0

        def take(work: UnitOfWork, keys: Sequence[Key]) -> int:
            nonlocal done
            rows = locked(work.session, model, keys)
            for row in rows:
                if again := stale(row):
                    put(work.session, row, again)
            done += len(rows)
            self._parts.progress(said, done, done)
            return len(rows)

        return until_none(self._db, left, take)

    def _retire(self, version: int, count: int) -> None:
        with self._db.work() as work:
            row = self._row(work.session)
            if row.key_version != version or row.key_spare_version is None:
                return
            put(work.session, row, {"key_spare_version": None, "key_spare_wrapped": None})
            self._note(work, "finished", version, count)
            work.commit()

    def _row(self, session: Session) -> Area:
        return session.get_one(Area, self._area, with_for_update={"key_share": True})

    def _note(self, work: UnitOfWork, step: str, version: int, count: int) -> None:
        said = KeysRotated(what="area", step=step, version=version, count=count, because=self._parts.because)
        work.record(program(self._area), said)


def _both(row: Area) -> tuple[WrappedKey, WrappedKey]:
    """(the present key, the other one)"""
    if row.key_spare_version is None or row.key_spare_wrapped is None:
        raise ValueError("no rotation of this area is under way")
    return (
        WrappedKey(version=row.key_version, data=row.key_wrapped),
        WrappedKey(version=row.key_spare_version, data=row.key_spare_wrapped),
    )
