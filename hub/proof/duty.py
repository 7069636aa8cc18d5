"""The thread that has checkpoints made, kept and thinned out, and looks whether the log can be written.

Every web process has one, and nothing of it happens within a request.
"""

import threading
import time

import structlog

from hub.errors import HubError
from hub.ledger.alarm import Alarm
from hub.proof.checkpoints import Checkpoints, NotAsSigned
from hub.proof.ready import Readiness
from storage.errors import StorageError

PAUSE_SECONDS = 1.0
THIN_SECONDS = 3600.0
LOOK_SECONDS = 15.0
"""How long trouble that nobody meets stays untold, and how soon it is told that it is over."""
TOLD_SECONDS = 60.0
PATIENCE_SECONDS = 10.0

log = structlog.get_logger("hub.checkpoints")


class Duty:
    def __init__(self, checkpoints: Checkpoints, readiness: Readiness, alarm: Alarm) -> None:
        self._checkpoints, self._readiness, self._alarm = checkpoints, readiness, alarm
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hub-checkpoints", daemon=True)
        self._next_thin, self._next_told, self._next_look = 0.0, 0.0, 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.run_once(time.monotonic())
            self._stopping.wait(PAUSE_SECONDS)

    def run_once(self, now: float) -> None:
        """`now` in seconds of a clock that never goes back. Never raises: what fails is told and tried again."""
        try:
            self._look(now)
            for area in self._checkpoints.areas():
                self._of(area, now)
            if now >= self._next_thin:
                self._next_thin = now + THIN_SECONDS
        except Exception as error:  # noqa: BLE001 - the thread outlives every failure; what failed is told
            self._tell(now, error)

    def _look(self, now: float) -> None:
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        if self._readiness.writable():
            self._alarm.over()
        else:
            self._alarm.trouble("The access log cannot be written.")

    def _of(self, area: str, now: float) -> None:
        try:
            self._checkpoints.run_due(area)
            if now >= self._next_thin:
                self._checkpoints.thin(area)
        except (HubError, StorageError) as error:
            self._tell(now, error)

    def _tell(self, now: float, error: Exception) -> None:
        """Once a minute, however often it fails."""
        if now < self._next_told:
            return
        self._next_told = now + TOLD_SECONDS
        why = str(error) if isinstance(error, NotAsSigned | StorageError) else type(error).__name__
        log.error("no checkpoint", why=why, exc_info=not isinstance(error, HubError | StorageError))
