"""A new root key: added to the key file, every area key wrapped again under it, the older ones retired.

With a key service there is nothing to add: the area keys are wrapped again under the key that the hub's setting names now.
"""

from collections.abc import Sequence

from sqlalchemy import select

from hub.access.actor import program
from hub.db import UnitOfWork
from hub.keys.cases import Parts
from hub.keys.rows import Key, at_last, locked, put, until_none
from hub.keys.waiting import all_earlier_done
from hub.ledger.events import KeysRotated
from hub.people.model import Area
from storage.failpoints import Point, failpoint
from storage.keys import KeyProvider, LocalKeyFile, WrappedKey

WRAPS = (("key_version", "key_wrapped"), ("key_spare_version", "key_spare_wrapped"))


class RootRotation:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._db, self._vaults = parts.db, parts.vaults

    def rotate(self, *, keep_old: bool = False) -> int:
        """A new root key, or the one that was begun before, to its end; its version, 0 with a key service."""
        provider = self._provider()
        if not isinstance(provider, LocalKeyFile):
            return self._in_service(provider)
        if len(provider.versions) == 1:
            provider.add_version()
            self._tell("begun", provider.current, 0)
        failpoint(Point.ROOT_ADDED)
        all_earlier_done(self._db.engine)
        current = provider.current
        count = self._wrap_again(provider, current)
        failpoint(Point.ROOT_REWRAPPED)
        all_earlier_done(self._db.engine)
        self._tell("taken up", current, count)
        if not keep_old:
            self._retire(provider, current)
        return current

    def _retire(self, provider: LocalKeyFile, current: int) -> None:
        count = self._wrap_again(provider, current)
        older = [version for version in provider.versions if version != current]
        for version in older:
            provider.retire(version)
        failpoint(Point.ROOT_RETIRED)
        self._tell("finished", current, count)
        with self._db.reading() as session:
            self._vaults.keyring(session).forget()

    def _in_service(self, provider: KeyProvider) -> int:
        """Every wrap is made anew once: which key holds one, only the service knows."""
        with self._db.reading() as session:
            areas = list(session.scalars(select(Area.id)))
        done: set[str] = set()

        def take(work: UnitOfWork, keys: Sequence[Key]) -> int:
            rows = locked(work.session, Area, keys)
            for row in rows:
                put(work.session, row, self._again(provider, row, None))
                done.add(row.id)
            return len(rows)

        until_none(self._db, lambda: [(area,) for area in areas if area not in done], take)
        self._tell("finished", 0, len(done))
        return 0

    def _wrap_again(self, provider: LocalKeyFile, current: int) -> int:
        def left() -> list[Key]:
            with self._db.reading() as session:
                rows = session.scalars(select(Area))
                return [(row.id,) for row in rows if self._again(provider, row, current)]

        def take(work: UnitOfWork, keys: Sequence[Key]) -> int:
            rows = locked(work.session, Area, keys)
            for row in rows:
                if again := self._again(provider, row, current):
                    put(work.session, row, again)
            return len(rows)

        return until_none(self._db, left, take)

    def _again(self, provider: KeyProvider, row: Area, current: int | None) -> dict[str, bytes]:
        """{column: the wrap again} of what is not under the current root key; None: of all."""
        again = {}
        for version, wrapped in WRAPS:
            number, data = getattr(row, version), getattr(row, wrapped)
            if number is None or data is None:
                continue
            if isinstance(provider, LocalKeyFile) and provider.version_of(data) == current:
                continue
            again[wrapped] = self._ring.rewrap_area_key(WrappedKey(version=number, data=data), row.id).data
        return again

    def _provider(self) -> KeyProvider:
        with self._db.reading() as session:
            self._ring = self._vaults.keyring(session)
        return self._ring.provider

    def _tell(self, step: str, version: int, count: int) -> None:
        """In the log of every area: each hangs on the root key."""
        with self._db.reading() as session:
            areas = list(session.scalars(select(Area.id)))
        for area in areas:
            said = KeysRotated(
                what="root", step=step, version=version, count=count, because=self._parts.because
            )
            at_last(lambda area=area, said=said: self._db.record(program(area), said))  # type: ignore[misc]
