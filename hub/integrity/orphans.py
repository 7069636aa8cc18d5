"""What lies in the store and below the home and no row names: listed, and with `repair` swept after a grace period.

An upload that goes on has its object in the store before the row that names it. So an orphan is removed only when it was
seen as one before, at least `GRACE` ago, and is one still. What was seen is kept in `orphans.json` below the home.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import select

from hub.access.actor import program
from hub.clock import Clock
from hub.db import Database
from hub.documents.model import StoredObject
from hub.integrity.findings import Fault, Finding
from hub.ledger.events import VaultSwept
from hub.people.model import Area
from storage.disk import disk_errors
from storage.errors import NotFound
from storage.failpoints import Point, failpoint
from storage.stores.base import Store

GRACE = timedelta(hours=1)
BATCH = 500
LEFT_BEHIND = ("keys/.new-*", "outbox/*.part", "secret.*", "checkpoints/.new-*")
"""Below the home: what a process that ended half way had not yet given its name."""
SEEN = "orphans.json"


class Orphans:
    """`seen` is of this look and the one before: an orphan no longer there is forgotten."""

    def __init__(self, db: Database, clock: Clock, store: Store, home: Path) -> None:
        self._db, self._clock, self._store, self._home = db, clock, store, home
        self.stored = self.swept = self.temporaries = 0

    def look(self, *, repair: bool) -> Iterator[Finding]:
        before, seen, ripe = self._remembered(), dict[str, str](), list[str]()
        now = self._clock()
        for name in self._unnamed():
            first = before.get(name, now.isoformat())
            if repair and now - datetime.fromisoformat(first) >= GRACE:
                ripe.append(name)
                continue
            seen[name] = first
            yield Finding(fault=Fault.ORPHAN, what=name)
        for name in self._swept(ripe):
            yield Finding(fault=Fault.ORPHAN, what=name, done="removed")
        self._remember(seen)
        if repair:
            self.temporaries += self._store.sweep(GRACE.total_seconds())
        yield from self._files(repair=repair)

    def _unnamed(self) -> Iterator[str]:
        names = self._store.names()
        while batch := list(islice(names, BATCH)):
            self.stored += len(batch)
            yield from self._without_rows(batch)

    def _without_rows(self, names: Sequence[str]) -> list[str]:
        ids = {name: name.rsplit("/", 1)[1].split(".")[0] for name in names}
        with self._db.reading() as session:
            query = select(StoredObject.name).where(StoredObject.id.in_(list(ids.values())))
            known = set(session.scalars(query))
        return [name for name in names if name not in known]

    def _swept(self, ripe: Sequence[str]) -> Iterator[str]:
        """Asked once more, said in the log, then removed."""
        for start in range(0, len(ripe), BATCH):
            batch = self._without_rows(ripe[start : start + BATCH])
            self._say(batch)
            for name in batch:
                with suppress(NotFound):
                    self._store.delete(name)
                failpoint(Point.OBJECT_DISCARDED)
                self.swept += 1
                yield name

    def _say(self, names: Sequence[str]) -> None:
        with self._db.reading() as session:
            areas = list(session.scalars(select(Area.id).order_by(Area.id)))
        for area in areas:
            own = [name for name in names if name.split("/", 1)[0] == area]
            if own:
                objects = tuple(name.rsplit("/", 1)[1] for name in own)
                self._db.record(program(area), VaultSwept(objects=objects))

    def _files(self, *, repair: bool) -> Iterator[Finding]:
        limit = (self._clock() - GRACE).timestamp()
        for pattern in LEFT_BEHIND:
            for path in sorted(self._home.glob(pattern)):
                with disk_errors():
                    if path.stat().st_mtime >= limit:
                        continue
                    if repair:
                        path.unlink(missing_ok=True)
                        self.temporaries += 1
                yield Finding(
                    fault=Fault.LEFT_OVER,
                    what=path.relative_to(self._home).as_posix(),
                    done="removed" if repair else "",
                )

    def _remembered(self) -> dict[str, str]:
        try:
            said = json.loads((self._home / SEEN).read_text())
            return {str(name): str(datetime.fromisoformat(first)) for name, first in said.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def _remember(self, seen: dict[str, str]) -> None:
        path = self._home / SEEN
        if not seen:
            path.unlink(missing_ok=True)
            return
        with disk_errors():
            fresh = path.with_name(f"{SEEN}.part")
            fresh.write_text(json.dumps(seen))
            fresh.replace(path)
