"""Notices by mail: that there is something new, never what; and to who runs the hub that its log cannot be written.

`HUB_MAIL_URL` is `outbox:/folder` (a file a message) or `smtp://` or `smtps://user:password@host:port`.
A notice that cannot be sent is told to the operational log and to nobody else: what it points to is in the hub.
"""

import os
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import structlog

from hub.clock import Clock
from hub.ids import new_id

SENDER = "hub@localhost"
SECONDS = 5
HERE = frozenset({"localhost", "127.0.0.1", "::1"})
log = structlog.get_logger("hub.mail")


class MailError(Exception):
    """The setting is no mail address that the hub knows."""


class Carrier(Protocol):
    def carry(self, messages: Sequence[EmailMessage]) -> None:
        """Send them all. Raises OSError or smtplib.SMTPException."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    folder: Path

    def carry(self, messages: Sequence[EmailMessage]) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in messages:
            self._write(new_id(), bytes(message))

    def _write(self, name: str, data: bytes) -> None:
        part = self.folder / f"{name}.part"
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            part.rename(self.folder / f"{name}.eml")
        finally:
            part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """`smtp://` upgrades to TLS, and goes on without only to this machine itself."""

    host: str
    port: int
    user: str
    password: str
    tls: bool

    def carry(self, messages: Sequence[EmailMessage]) -> None:
        with self._connected() as server:
            if self.user:
                server.login(self.user, self.password)
            for message in messages:
                server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        if self.tls:
            return smtplib.SMTP_SSL(
                self.host, self.port, timeout=SECONDS, context=ssl.create_default_context()
            )
        server = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        if self.host not in HERE:
            server.starttls(context=ssl.create_default_context())
        return server


def carrier_from_url(url: str) -> Carrier:
    parts = urlsplit(url)
    if parts.scheme == "outbox" and parts.path:
        return Outbox(folder=Path(parts.path))
    if parts.scheme in {"smtp", "smtps"} and parts.hostname:
        tls = parts.scheme == "smtps"
        return Smtp(
            host=parts.hostname,
            port=parts.port or (465 if tls else 587),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tls,
        )
    raise MailError("HUB_MAIL_URL must be outbox:/folder, smtp://host or smtps://host.")


class Notices:
    """`public_url`: the hub's own address, or empty where none is set; then the notice has no link."""

    def __init__(self, carrier: Carrier, clock: Clock, *, public_url: str = "", sender: str = SENDER) -> None:
        self._carrier, self._clock, self._url, self._sender = carrier, clock, public_url, sender

    def send(self, addresses: Sequence[str], path: str) -> None:
        """Tell each address, in a message of its own, that there is something new at the path."""
        try:
            self._carrier.carry([self._message(address, path) for address in addresses])
        except (OSError, smtplib.SMTPException) as error:
            log.error("mail", error=type(error).__name__, messages=len(addresses))  # noqa: TRY400 - a trace would carry addresses

    def alert(self, addresses: Sequence[str], sentence: str, path: str) -> None:
        """Tell who runs the hub one sentence. Raises OSError or smtplib.SMTPException when it cannot be sent."""
        self._carrier.carry(
            [self._built(address, sentence.rstrip("."), sentence, path) for address in addresses]
        )

    def _message(self, address: str, path: str) -> EmailMessage:
        said = "There is something new for you in the MAPPA document hub. Sign in to read it."
        return self._built(address, "Something new for you in the MAPPA document hub", said, path)

    def _built(self, address: str, subject: str, said: str, path: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, address, subject
        message["Date"] = format_datetime(self._clock())
        link = f"\n\n{self._url}{path}" if self._url else ""
        message.set_content(f"{said}{link}\n")
        return message
