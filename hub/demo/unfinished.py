"""A load of the demo that did not come to its end: known by a mark on its area, and cleared away whole.

The mark is written with the area's first rows and taken off by the load's last commit, so a hub either has
none of the demo, or an area that says it is unfinished, or all of it. Clearing takes every table, which is
right because a demo is loaded into an empty hub only, and whatever was sealed for its area.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from hub.migrations import migrate, unmake
from hub.people.founding import ensure_installation
from hub.people.model import Area
from hub.services import Services

LOADING = {"loading": True}


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """Wait until no other process of this home loads, or clears away, a demo; a process that ends lets go."""
    descriptor = os.open(home / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def unfinished(hub: Services) -> str | None:
    """The id of an area whose load did not end."""
    with hub.db.reading() as session:
        areas = session.scalars(select(Area).where(Area.demo)).all()
        return next((area.id for area in areas if area.settings.get("loading")), None)


def clear(hub: Services, area: str) -> None:
    """Make the hub as empty as it was before. Ended half way itself, it is called again at the next start."""
    for name in list(hub.vaults.store.names(f"{area}/")):
        hub.vaults.store.delete(name)
    unmake(hub.db.engine)
    migrate(hub.db.engine)
    with hub.db.work() as work:
        ensure_installation(work.session, hub.clock)
        work.commit()


def finish(hub: Services, area: str) -> None:
    """Take the mark off, durably: with it, all that was written before."""
    with hub.db.work() as work:
        work.session.get_one(Area, area).settings = {}
        work.commit()
