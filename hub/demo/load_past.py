"""The past, one moment after the other: a hub whose clock is set, and what happens in it in order of time."""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from config import Config
from hub.access.actor import Actor
from hub.app import build_services
from hub.db import Entry, UnitOfWork
from hub.ledger.events import Event
from hub.services import Services


class PastClock:
    """Gives the moment it was set to; `give` lays out the moments of the next entries of the log, one for each."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._next: deque[datetime] = deque()

    def __call__(self) -> datetime:
        return self._next.popleft() if self._next else self.now

    def give(self, moments: Iterable[datetime]) -> None:
        self._next = deque(moments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happens at a moment; of two at the same moment the lower `order` is first."""

    at: datetime
    do: Callable[[], None]
    order: int = 0


class Past:
    """A hub in the past. Entries and rows that need no service gather into one commit; a service call ends it.

    A service call is made through `hub`, after `commit`. Nothing is durable before somebody commits to the same
    database with the product's own settings: the loader does so last, and a load that ended before is redone.
    """

    def __init__(self, config: Config, start: datetime) -> None:
        self.clock = PastClock(start)
        self.hub = _quick(build_services(config, self.clock))
        self._stack = ExitStack()
        self._work: UnitOfWork | None = None
        self._times: list[datetime] = []

    @property
    def now(self) -> datetime:
        return self.clock.now

    @property
    def session(self) -> Session:
        """For rows that are committed with the gathered entries."""
        return self.work.session

    @property
    def work(self) -> UnitOfWork:
        if self._work is None:
            self._work = self._stack.enter_context(self.hub.db.work())
        return self._work

    def record(self, actor: Actor, what: Event) -> Entry:
        """An entry of this moment; it has its number after the next commit."""
        self._times.append(self.now)
        return self.work.record(actor, what)

    def commit(self) -> None:
        if self._work is None:
            return
        self.clock.give(self._times)
        self._work.commit()
        self._stack.close()
        self._work, self._times = None, []

    def run(self, steps: Iterable[Step]) -> None:
        """All of them in order of time; the clock is set before each."""
        for step in sorted(steps, key=lambda step: (step.at, step.order)):
            self.clock.now = step.at
            step.do()
        self.commit()

    def close(self) -> None:
        self._stack.close()
        self.hub.db.engine.dispose()


def _quick(hub: Services) -> Services:
    """Commits of this hub do not wait for the disk. Neither database can be damaged by that: only the newest be lost."""
    quick = (
        "PRAGMA synchronous=NORMAL"
        if hub.db.engine.dialect.name == "sqlite"
        else "SET synchronous_commit = off"
    )

    def settle(connection: Any, record: object) -> None:  # noqa: ARG001 - SQLAlchemy's signature
        connection.execute(quick)
        connection.commit()

    event.listen(hub.db.engine, "connect", settle)
    return hub
