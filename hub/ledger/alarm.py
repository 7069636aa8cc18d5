"""What is told when the log cannot be written: a line of the operational log, a count for the status page, a mail to who is to act.

It needs no database: that is what has just failed. One mail says that there is trouble and one that it is over; what could not
be mailed is tried again. Nobody who asks for a page waits for a mail.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from hub.clock import Clock

TOLD_EVERY = timedelta(minutes=1)
MAILED_EVERY = timedelta(hours=1)
"""Trouble that comes and goes is mailed once in this time."""
TRIED_EVERY = timedelta(minutes=1)
"""How often a mail that could not be sent is tried."""
log = structlog.get_logger("hub.alarm")


class Alarm:
    """`send(True)` mails that there is trouble, `send(False)` that it is over; it may block, and raises what kept it from being sent."""

    def __init__(self, clock: Clock, send: Callable[[bool], None] | None = None) -> None:
        self._clock, self._send = clock, send
        self._lock = threading.Lock()
        self._told: datetime | None = None
        self._since: datetime | None = None
        self._mailed_trouble = self._mailing = False
        self._mailed: datetime | None = None
        self._tried: datetime | None = None
        self.count = 0
        self.last: datetime | None = None

    def ring(self, why: str) -> None:
        """Somebody was served nothing because of the log; `why` a sentence without content."""
        with self._lock:
            self.count += 1
            self.last = self._clock()
        self.trouble(why)

    def trouble(self, why: str) -> None:
        """The log cannot be written, whether or not somebody has asked for anything."""
        now = self._clock()
        with self._lock:
            self._since = self._since or now
            tell = _due(self._told, now, TOLD_EVERY)
            self._told = now if tell else self._told
        if tell:
            log.error("access log not writable", why=why, refused=self.count)
        self._mail_what_is_new(now)

    def over(self) -> None:
        """The log can be written; nothing is told where there was no trouble."""
        with self._lock:
            since, self._since = self._since, None
            self._told = None
        if since is not None:
            log.info("access log writable again", since=since.isoformat())
        self._mail_what_is_new(self._clock())

    def _mail_what_is_new(self, now: datetime) -> None:
        with self._lock:
            trouble = self._since is not None
            known = self._send is None or self._mailing or trouble == self._mailed_trouble
            often = trouble and not _due(self._mailed, now, MAILED_EVERY)
            if known or often or not _due(self._tried, now, TRIED_EVERY):
                return
            self._mailing = True
        threading.Thread(target=self._mail, args=(trouble, now), name="hub-alarm", daemon=True).start()

    def _mail(self, trouble: bool, now: datetime) -> None:  # noqa: FBT001 - as `send` has it
        sent = False
        try:
            if self._send is not None:
                self._send(trouble)
            sent = True
        except Exception as error:  # noqa: BLE001 - a mail that fails is told, and keeps nothing back
            log.error("alarm not mailed", error=type(error).__name__)  # noqa: TRY400 - a trace would carry addresses
        with self._lock:
            self._mailing = False
            self._tried = None if sent else now
            self._mailed_trouble = trouble if sent else self._mailed_trouble
            self._mailed = now if sent and trouble else self._mailed


def _due(last: datetime | None, now: datetime, every: timedelta) -> bool:
    return last is None or now - last >= every
