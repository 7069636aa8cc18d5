"""What is told when the log cannot be written: a line of the operational log, a count for the status page, a mail to who is to act.

It needs no database: that is what has just failed.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from hub.clock import Clock

TOLD_EVERY = timedelta(minutes=1)
MAILED_EVERY = timedelta(hours=1)
log = structlog.get_logger("hub.alarm")


class Alarm:
    """`send`: mails that there is something to look after; it may block, and what it raises is told to the operational log."""

    def __init__(self, clock: Clock, send: Callable[[], None] | None = None) -> None:
        self._clock, self._send = clock, send
        self._lock = threading.Lock()
        self._told: datetime | None = None
        self._mailed: datetime | None = None
        self.count = 0
        self.last: datetime | None = None

    def ring(self, why: str) -> None:
        """Somebody was served nothing because of the log; `why` a sentence without content."""
        now = self._clock()
        with self._lock:
            self.count += 1
            self.last = now
            tell, mail = _due(self._told, now, TOLD_EVERY), _due(self._mailed, now, MAILED_EVERY)
            self._told = now if tell else self._told
            self._mailed = now if mail else self._mailed
        if tell:
            log.error("access log not writable", why=why, refused=self.count)
        if mail and self._send is not None:
            threading.Thread(target=self._mail, name="hub-alarm", daemon=True).start()

    def _mail(self) -> None:
        try:
            if self._send is not None:
                self._send()
        except Exception as error:  # noqa: BLE001 - a mail that fails is told, and keeps nothing back
            log.error("alarm not mailed", error=type(error).__name__)  # noqa: TRY400 - a trace would carry addresses


def _due(last: datetime | None, now: datetime, every: timedelta) -> bool:
    return last is None or now - last >= every
