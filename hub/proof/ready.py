"""Whether content of a case could be served now. Anyone may ask, so the log's lock is taken for it at most once in some seconds."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.exc import SQLAlchemyError

from hub.clock import Clock
from hub.db import Database
from hub.errors import HubError
from hub.ledger.guard import Guard
from hub.ledger.model import LogEntry, LogHead
from hub.vaults import Vaults
from storage.errors import StorageError

KEPT_SECONDS = 3.0
LARGER_THAN_A_PAGE = 5000
"""Characters of the entry that is tried: a disk that is full may still take what fits into pages that it has."""


@dataclass(frozen=True, slots=True)
class _Answer:
    ready: bool
    until: float


class Readiness:
    def __init__(
        self,
        db: Database,
        vaults: Vaults,
        guard: Guard,
        now: Clock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds that never go back."""
        self._db, self._vaults, self._guard, self._now, self._clock = db, vaults, guard, now, clock
        self._looking = threading.Lock()
        self._answer: _Answer | None = None

    def is_ready(self) -> bool:
        """Whether an entry could be written in every area and sealed bytes read; writes nothing.

        An answer holds for `KEPT_SECONDS`. While one looks, others are given the answer before.
        """
        answer = self._answer
        if answer is not None and self._clock() < answer.until:
            return answer.ready
        if not self._looking.acquire(blocking=answer is None):
            return answer.ready if answer else False
        try:
            return self._looked()
        finally:
            self._looking.release()

    def _looked(self) -> bool:
        answer = self._answer
        if answer is None or self._clock() >= answer.until:
            ready = self.writable() and self._vaults.store.healthy()
            answer = self._answer = _Answer(ready, self._clock() + KEPT_SECONDS)
        return answer.ready

    def writable(self) -> bool:
        """Whether every area's log takes one more entry, which is rolled back, and the keys are there; asked anew each time."""
        try:
            with self._db.work() as work:
                moved = update(LogHead).values(sequence=LogHead.sequence)
                heads = work.session.execute(moved.returning(LogHead.area_id, LogHead.sequence)).all()
                for area, sequence in heads:
                    self._guard.check(work.session.connection(), area, sequence)
                    work.session.execute(insert(LogEntry).values(_trial(area, sequence + 1, self._now())))
                self._vaults.keyring(work.session)
        except (HubError, SQLAlchemyError, StorageError):
            return False
        return True


def _trial(area: str, sequence: int, at: datetime) -> dict[str, object]:
    return {
        "area_id": area,
        "sequence": sequence,
        "at": at,
        "event": "trial",
        "outcome": "done",
        "leaf": " " * LARGER_THAN_A_PAGE,
        "leaf_hash": b"",
    }
