"""Whether the log may be written at all, and so anything served: asked in the transaction that writes.

It may not while the hub refuses to sign what its database holds, nor, where a second place is required, while that lags too far
behind. What was found is kept for a second; nothing in memory outlives a restart, the reason stands in the database.
"""

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from hub.clock import Clock
from hub.errors import LogUnwritable
from hub.ledger.model import LogCheckpoint, LogSigner

COPY_WITHIN = timedelta(minutes=5)
COPY_ENTRIES = 5000
"""Where a second place is required: how old its newest checkpoint, and how many entries it may miss, before nothing is served."""
KEPT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Found:
    looked: float
    refused: str | None
    copied_size: int
    copied_at: datetime | None


class Guard:
    def __init__(self, clock: Clock, *, copy_required: bool) -> None:
        self._clock, self._copy_required = clock, copy_required
        self._since = clock()
        self._found: dict[str, _Found] = {}
        self._lock = threading.Lock()

    def check(self, connection: Connection, area: str, sequence: int) -> None:
        """Raises LogUnwritable when no entry may follow entry `sequence`."""
        found = self._look(connection, area)
        if found.refused is not None:
            raise LogUnwritable(found.refused)
        if self._copy_required and self._lags(found, sequence):
            raise LogUnwritable(
                "The access log is not being kept in its second place, so nothing is shown. Try again in a few minutes."
            )

    def forget(self) -> None:
        """Look again: something was signed, kept or refused."""
        with self._lock:
            self._found.clear()

    def _lags(self, found: _Found, sequence: int) -> bool:
        """A hub that has just been started has as long as any other."""
        since = max(found.copied_at, self._since) if found.copied_at else self._since
        return self._clock() - since > COPY_WITHIN or sequence - found.copied_size > COPY_ENTRIES

    def _look(self, connection: Connection, area: str) -> _Found:
        with self._lock:
            found = self._found.get(area)
        if found is not None and time.monotonic() - found.looked < KEPT_SECONDS:
            return found
        refused = connection.execute(_REFUSED, {"area": area}).scalar()
        size, at = connection.execute(_COPIED, {"area": area}).one()
        found = _Found(time.monotonic(), refused, size or 0, at)
        with self._lock:
            self._found[area] = found
        return found


_REFUSED = select(LogSigner.refused_why).where(LogSigner.area_id == bindparam("area"))
_COPIED = select(func.max(LogCheckpoint.size), func.max(LogCheckpoint.copied_at)).where(
    LogCheckpoint.area_id == bindparam("area"), LogCheckpoint.copied_at.is_not(None)
)
