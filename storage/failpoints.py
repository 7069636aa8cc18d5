"""Named places at which a test may stop this process, to be killed there from outside.

A failpoint does nothing unless it was armed, which only a test's harness does: by the environment variable
`HUB_FAILPOINT`, as `name` or `name:n` for the n-th time it is passed (from 1). The process then writes the name
on the file descriptor `HUB_FAILPOINT_FD` and waits for its end. Production refuses to start with it set.
"""

import os
import threading
import time
from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """Every failpoint there is; named after what has just been done."""

    OBJECT_BEGUN = "object-begun"
    OBJECT_WRITTEN = "object-written"
    OBJECT_SYNCED = "object-synced"
    OBJECT_LINKED = "object-linked"
    OBJECT_COMMITTED = "object-committed"
    ROWS_FLUSHED = "rows-flushed"
    ENTRIES_APPENDED = "entries-appended"
    COMMITTED = "committed"
    BACKUP_DUMPED = "backup-dumped"
    BACKUP_OBJECTS = "backup-objects"
    BACKUP_PUBLISHED = "backup-published"
    RESTORE_OBJECTS = "restore-objects"
    RESTORE_FILLED = "restore-filled"
    AFTER_COMMIT = "after-commit"
    OBJECT_DISCARDED = "object-discarded"
    SHARD_WRITTEN = "shard-written"
    JOB_TAKEN = "job-taken"
    REVISION_APPLIED = "revision-applied"
    TABLES_MADE = "tables-made"
    ROOT_ADDED = "root-added"
    ROOT_REWRAPPED = "root-rewrapped"
    ROOT_RETIRED = "root-retired"
    KEYS_ANNOUNCED = "keys-announced"
    KEYS_TAKEN_UP = "keys-taken-up"
    KEYS_RESEALED = "keys-resealed"
    KEYS_RETIRED = "keys-retired"
    SHRED_EMPTIED = "shred-emptied"
    SHRED_KEYS_GONE = "shred-keys-gone"
    SHRED_OBJECT_GONE = "shred-object-gone"
    SHRED_OBJECTS_GONE = "shred-objects-gone"
    SHRED_BACKUPS_GONE = "shred-backups-gone"
    SHRED_DATABASE_CLEAN = "shred-database-clean"
    SHRED_CERTIFIED = "shred-certified"


class _Armed:
    def __init__(self, wanted: str, descriptor: int) -> None:
        name, _, count = wanted.partition(":")
        self.point, self._left, self._descriptor = Point(name), int(count or 1), descriptor
        self._lock = threading.Lock()

    def passed(self, point: Point) -> None:
        if point is not self.point:
            return
        with self._lock:
            self._left -= 1
            if self._left != 0:
                return
        os.write(self._descriptor, self.point.encode() + b"\n")
        while True:
            time.sleep(60)


class _Watched:
    def __init__(self, told: Callable[[Point], None]) -> None:
        self.passed = told


_armed: _Armed | _Watched | None = None


def arm(wanted: str, descriptor: int) -> None:
    """Stop at `wanted` (`name` or `name:n`) from now on; for the harness's process alone."""
    global _armed  # noqa: PLW0603 - one per process, by its nature
    _armed = _Armed(wanted, descriptor)


def watch(told: Callable[[Point], None]) -> None:
    """Have each passage told from now on, to learn which an operation makes; for the harness's process alone."""
    global _armed  # noqa: PLW0603 - one per process, by its nature
    _armed = _Watched(told)


def failpoint(point: Point) -> None:
    """Do nothing, except in a process that was armed to stop here."""
    if _armed is not None:
        _armed.passed(point)


if "HUB_FAILPOINT" in os.environ:
    arm(os.environ["HUB_FAILPOINT"], int(os.environ.get("HUB_FAILPOINT_FD", "2")))
