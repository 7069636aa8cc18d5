"""Work done after the answer: documents are prepared from a queue, and sweeps find what a crash left.

The queue is huey's on SQLite and holds ids only, as JSON: huey's own pickles would run whatever
somebody wrote into the file. Each web process has one consumer thread. Losing the queue loses
nothing: the sweep finds every version that still waits. Beside it a thread reads scans, which take
minutes: one process of the home at a time, nobody's page waits for it.
"""

import fcntl
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from flask import Flask
from huey import SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from hub.documents.reader import ReaderUnavailable
from hub.documents.service import DocumentService
from hub.services import Services
from storage.failpoints import Point, failpoint

IDLE_SECONDS = 1.0
"""How long a job put by another process may lie before this one looks."""
SWEEP_SECONDS = 60
WAITED_LONG = timedelta(minutes=2)
ORPHAN_SECONDS = 1800
LEFTOVER_SECONDS = 24 * 3600
"""How old what a dead writer left in the store must be to be taken away; no upload takes a day."""
PATIENCE_SECONDS = 10
RUNS_AT_ONCE = 4
REREAD_SECONDS = 600
"""How long a scan that another process was told of may wait, and one whose reading a crash ended."""
BUSY_SECONDS = 20

log = structlog.get_logger("hub.jobs")


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Messages as JSON lists; nothing that is read can become code."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Message:
        name_and_more = json.loads(bytes(data))
        return Message(*name_and_more)


class Queue:
    """Ids of versions to prepare, in `queue.sqlite` below the home."""

    def __init__(self, home: Path, documents: DocumentService) -> None:
        self._huey = SqliteHuey(
            "hub", filename=str(home / "queue.sqlite"), results=False, serializer=JsonSerializer()
        )
        self._prepare = self._huey.task(name="prepare")(documents.prepare)
        self._woken = threading.Event()

    def put(self, document: str, number: int) -> None:
        """Never raises: the version is marked as waiting in the database, and the sweep will find it."""
        try:
            self._prepare(document, number)
        except Exception:  # noqa: BLE001 - the upload is done and durable; the queue is a short cut
            log.warning("queue unavailable")
        self._woken.set()

    def run_one(self) -> bool:
        """Do the oldest job, if there is one. What a job raises goes to the log alone."""
        task = self._huey.dequeue()
        if task is None:
            return False
        failpoint(Point.JOB_TAKEN)
        _carefully(task.execute, "prepare")
        return True

    def wait(self, seconds: float) -> None:
        self._woken.wait(seconds)
        self._woken.clear()


class Sweeper:
    """What is looked after now and then."""

    def __init__(self, hub: Services, queue: Queue) -> None:
        self._hub, self._documents, self._queue = hub, hub.documents, queue
        self._orphans: dict[str, datetime] = {}
        self._next_sweep, self._next_orphans = 0.0, 0.0

    def run_due(self, now: float) -> None:
        """`now` in seconds of a clock that never goes back."""
        _carefully(self._follow, "following the log")
        _carefully(self._hub.glass.end_expired, "break-glass")
        if now >= self._next_sweep:
            waited = timedelta() if self._next_sweep == 0 else WAITED_LONG
            self._next_sweep = now + SWEEP_SECONDS
            _carefully(lambda: self._requeue(waited), "requeue")
            _carefully(self._hub.search.renew, "search shards")
            _carefully(self._documents.discard_stale, "stale files")
            _carefully(self._hub.search.discard_asked, "searches asked")
            _carefully(self._hub.shredding.forget_destroyed, "destroyed cases")
        if now >= self._next_orphans:
            self._next_orphans = now + ORPHAN_SECONDS
            _carefully(lambda: self._documents.discard_orphans(self._orphans), "orphans")
            _carefully(lambda: self._hub.vaults.store.sweep(LEFTOVER_SECONDS), "leftovers of writers")

    def _follow(self) -> None:
        """A few runs at a time where much is left: documents wait for this thread too."""
        for _ in range(RUNS_AT_ONCE):
            if not self._hub.following.catch_up():
                return

    def _requeue(self, waited: timedelta) -> None:
        for document, number in self._documents.waiting(older_than=waited):
            self._queue.put(document, number)


class Rereader:
    """Reads again what the reader may have more of, while no other process of this home does."""

    def __init__(self, home: Path, documents: DocumentService) -> None:
        self._lock, self._documents = home / "rereading.lock", documents
        self._woken = threading.Event()
        self._stopping = False

    def wake(self) -> None:
        self._woken.set()

    def stop(self) -> None:
        """End the document in hand too: it is begun again by whoever starts next."""
        self._stopping = True
        self._woken.set()
        self._documents.interrupt()

    def run(self) -> None:
        """Until stopped. What fails is told to the operational log and tried again."""
        while not self._stopping:
            alone = _carefully(self.run_once, "reading again")
            self._woken.wait(REREAD_SECONDS if alone else BUSY_SECONDS)
            self._woken.clear()

    def run_once(self) -> bool:
        """All that there is; False when another process does it."""
        with self._lock.open("a") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            while sum(self._read(*one) for one in self._documents.rereadable()):
                pass
        return True

    def _read(self, document: str, number: int) -> bool:
        """Was it read? One that fails keeps none of the others."""
        if self._stopping:
            return False
        return bool(_carefully(lambda: self._documents.reread(document, number), "reading again"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """The running threads; `stop` waits for the job in hand, not for a scan."""

    queue: Queue
    thread: threading.Thread
    stopping: threading.Event
    rereader: Rereader
    rereading: threading.Thread

    def stop(self) -> None:
        self.stopping.set()
        self.rereader.stop()
        self.thread.join(PATIENCE_SECONDS)
        self.rereading.join(PATIENCE_SECONDS)


def start(app: Flask) -> Background:
    """Start this process's consumer; after a fork, never before. Once per application."""
    running = app.extensions.get("hub_background")
    if isinstance(running, Background):
        return running
    hub = app.extensions["hub"]
    queue = Queue(hub.config.home, hub.documents)
    hub.documents.announce = queue.put
    rereader = Rereader(hub.config.home, hub.documents)
    hub.documents.announce_scan = rereader.wake
    stopping = threading.Event()
    consumer = threading.Thread(
        target=_consume, args=(queue, Sweeper(hub, queue), stopping), name="hub-jobs", daemon=True
    )
    rereading = threading.Thread(target=rereader.run, name="hub-rereading", daemon=True)
    background = Background(
        queue=queue, thread=consumer, stopping=stopping, rereader=rereader, rereading=rereading
    )
    app.extensions["hub_background"] = background
    consumer.start()
    rereading.start()
    return background


def _consume(queue: Queue, sweeper: Sweeper, stopping: threading.Event) -> None:
    while not stopping.is_set():
        sweeper.run_due(time.monotonic())
        worked = False
        while not stopping.is_set() and _carefully(queue.run_one, "queue"):
            worked = True
        if not worked:
            queue.wait(IDLE_SECONDS)


def _carefully(what: Callable[[], object], name: str) -> object:
    """A consumer outlives every failure: it is told to the operational log, and the sweep tries again."""
    try:
        return what()
    except ReaderUnavailable:
        log.warning("reader unavailable", job=name)
    except Exception:
        log.exception("job failed", job=name)
    return None
