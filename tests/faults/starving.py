"""A disk that fails in a real process: every write, sync, link and folder in turn, and limits on what a file may hold.

Each attempt meets one failure, in the hub's own process; then there is room again and the same process goes on. SQLite writes
in C and is met by the kernel's own limit of a file's size, and by its own limit of pages.
"""

import errno
import os
import resource
from pathlib import Path
from typing import Any

from sqlalchemy import event

from hub.errors import HubError
from storage import failpoints
from storage.errors import StorageError
from storage.failpoints import Point
from tests.faults import oracle
from tests.faults.operations import Operation
from tests.world import World

CALLS = ("write", "fsync", "link", "mkdir", "rename", "replace")
ERRORS = (errno.ENOSPC, errno.EIO)
"""A quota that is used up is told as a full disk is: storage.disk.NO_ROOM."""
UNLIMITED = resource.RLIM_INFINITY
ROOM = range(0, 96 * 1024, 4096 * 3)
"""Bytes that a file may still grow, in steps, when the kernel refuses more."""


class Disk:
    """Counts this process's calls below the home, fails the n-th; notes whether what failed to sync is synced again."""

    def __init__(self, home: Path) -> None:
        self._home, self.calls, self.fails_at, self.error = str(home), 0, 0, 0
        self.unsynced: set[str] = set()
        self.again = False
        for name in CALLS:
            setattr(os, name, self._failing(name, getattr(os, name)))

    def arm(self, number: int, error: int) -> None:
        self.calls, self.fails_at, self.error = 0, number, error

    def _failing(self, name: str, really: Any) -> Any:
        def call(first: Any, *rest: Any, **named: Any) -> Any:
            if not self._ours(first):
                return really(first, *rest, **named)
            self.calls += 1
            if name == "fsync":
                self._noted(first)
            if self.calls == self.fails_at:
                if name == "fsync":
                    self.unsynced.add(os.readlink(f"/proc/self/fd/{first}"))  # noqa: PTH115 - as the kernel names it
                raise OSError(self.error, os.strerror(self.error))
            return really(first, *rest, **named)

        return call

    def _noted(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}")
        self.again |= str(path.readlink()) in self.unsynced and not path.is_dir()

    def _ours(self, first: Any) -> bool:
        path = Path(f"/proc/self/fd/{first}").readlink() if isinstance(first, int) else os.fspath(first)
        return str(path).startswith(self._home)


class Starving:
    """`attempts`: how many failures were met; `faults`: what then was not as it must be."""

    def __init__(self, world: World, operation: Operation, told: Any) -> None:
        self._world, self._operation, self._told = world, operation, told
        self.attempts = self.refused = 0
        self.faults: list[str] = []
        self._arranged = operation.arrange(world)
        self._known: list[dict[str, int]] = []
        self._done()
        self._known = self._shapes()

    def _arrange(self) -> None:
        """And take away what waits for its owner: fifty files may."""
        documents, actor = self._world.hub.documents, self._world.actor("police")
        for file in documents.staged(actor, self._world.case):
            documents.discard(actor, self._world.case, file.id)
        self._arranged = self._operation.arrange(self._world)

    def _done(self) -> None:
        self._operation.act(self._world, self._arranged, self._told)
        self._arrange()

    def _shapes(self) -> list[dict[str, int]]:
        """Of one that meets no failure: nothing, and what each of its commits makes."""
        before = oracle.snapshot(self._world)
        found: list[dict[str, int]] = [{}]

        def passing(point: Point) -> None:
            if point is Point.COMMITTED:
                found.append(oracle.shape(before, oracle.snapshot(self._world)))

        failpoints.watch(passing)
        self._operation.act(self._world, self._arranged, self._told)
        failpoints.watch(lambda _: None)
        found.append(oracle.shape(before, oracle.snapshot(self._world)))
        self._arrange()
        return found

    def attempt(self, what: str, relieve: Any) -> bool:
        """Whether the failure was met. The error is one with a sentence; the tables are before or after; it works again."""
        before = oracle.snapshot(self._world)
        failed = ""
        try:
            self._operation.act(self._world, self._arranged, self._told)
        except (StorageError, HubError) as error:
            failed = type(error).__name__
            if not str(error):
                self.faults.append(f"{what}: {failed} without a sentence")
        except Exception as error:  # noqa: BLE001 - which one is what is asked
            failed = type(error).__name__
            self.faults.append(f"{what}: the person would see {error!r}")
        relieve()
        self.attempts += 1
        self.refused += bool(failed)
        changed = oracle.shape(before, oracle.snapshot(self._world))
        if changed not in self._known:
            self.faults.append(f"{what}: between, {failed}: {changed}")
        if failed and changed != self._known[-1]:
            self._again(what)
        self._arrange()
        return bool(failed)

    def _again(self, what: str) -> None:
        try:
            self._operation.act(self._world, self._arranged, self._told)
        except Exception as error:  # noqa: BLE001 - as above
            self.faults.append(f"{what}: with room again it still fails: {error!r}")

    # --- the ways to fail ---------------------------------------------------------------------

    def each_call(self) -> None:
        """As many as the operation makes when it meets no failure."""
        disk = Disk(self._world.config.home)
        disk.arm(0, 0)
        self._operation.act(self._world, self._arranged, self._told)
        calls = disk.calls
        self._arrange()
        for number in range(1, calls + 1):
            for error in ERRORS:
                disk.arm(number, error)
                self.attempt(f"call {number} of {calls}, {errno.errorcode[error]}", lambda: disk.arm(0, 0))
        if disk.again:
            self.faults.append("what failed to sync was synced again")

    def small_files(self) -> None:
        """No file may grow beyond what SQLite's log has now, and a little: the kernel refuses the rest."""
        log = self._world.config.home / "hub.sqlite-wal"
        for room in ROOM:
            size = (log.stat().st_size if log.exists() else 0) + room
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, UNLIMITED))
            self.attempt(f"files of {size} bytes at most", _no_limit)

    def few_pages(self) -> None:
        """SQLite's own limit: 'database or disk is full'."""
        full = [True]

        def limit(connection: Any, *_: Any) -> None:
            connection.execute(f"PRAGMA max_page_count={1 if full[0] else 1_000_000}")

        def relieve() -> None:
            full[0] = False

        event.listen(self._world.hub.db.engine, "checkout", limit)
        for _ in range(6):
            full[0] = True
            self.attempt("no page left", relieve)
        event.remove(self._world.hub.db.engine, "checkout", limit)
        full[0] = False


def _no_limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
