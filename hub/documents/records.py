"""Names and details as they are sealed, who may see and change what, and what every part of the service shares."""

import json
from dataclasses import dataclass

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.cases.model import Case
from hub.clock import Clock
from hub.db import Database
from hub.documents.model import Document
from hub.documents.reader import Reader
from hub.documents.rules import Ties, may_manage
from hub.errors import Closed, NotHere
from hub.search.service import SearchService
from hub.vaults import Vaults
from storage.vault import Vault

CLOSED = "This case is closed: it takes no new documents and no changes to those it has."


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What is sealed of a document beside its files."""

    title: str
    author: str
    necessity: str


class Part:
    """What each part of `DocumentService` works with. `max_upload`: bytes that one file may have."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        vaults: Vaults,
        reader: Reader,
        search: SearchService,
        *,
        max_upload: int = 100_000_000,
    ) -> None:
        self._db, self._clock, self._vaults = db, clock, vaults
        self._reader, self._search = reader, search
        self.max_upload = max_upload

    def close(self) -> None:
        """End the reader's process; the next file starts another."""
        self._reader.close()

    def announce(self, document: str, number: int) -> None:
        """A version waits to be prepared. `hub.jobs` puts its queue here; without one the sweep finds it."""

    def announce_scan(self) -> None:
        """A version has scans to be read. `hub.jobs` puts here what wakes it; without that they are read at the next look."""

    def interrupt(self) -> None:
        """End the reading of scans that is under way: it will be begun again."""
        self._reader.interrupt()


def require_open(case: Case) -> None:
    if case.state != "open":
        raise Closed(CLOSED)


def ties(case: Case, document: Document) -> Ties:
    return Ties(owner=document.owner_id, uploader=document.uploader_id, coordinator=case.coordinator_id)


def manages(actor: Actor, case: Case, document: Document) -> bool:
    return may_manage(actor, ties(case, document))


def require_manager(actor: Actor, permission: Permission, case: Case, document: Document) -> None:
    """Raise NotHere unless the actor has the standing over this document that `may_manage` describes."""
    if not manages(actor, case, document):
        raise NotHere(permission=permission, why="forbidden: not theirs", case=case.id, document=document.id)


def require_shown(actor: Actor, permission: Permission, case: Case, document: Document) -> None:
    """A withdrawn document is there only for those who can restore it."""
    if document.withdrawn_at is not None and not manages(actor, case, document):
        raise NotHere(permission=permission, why="forbidden: withdrawn", case=case.id, document=document.id)


def seal_said(vault: Vault, document: str, said: Said) -> bytes:
    data = {"title": said.title, "author": said.author, "necessity": said.necessity}
    return vault.seal_field("details", document, json.dumps(data, ensure_ascii=False).encode())


def open_said(vault: Vault, document: str, sealed: bytes) -> Said:
    return Said(**json.loads(vault.open_field("details", document, sealed)))


def seal_file_name(vault: Vault, document: str, number: int, name: str) -> bytes:
    return vault.seal_field("file name", f"{document}.{number}", name.encode())


def open_file_name(vault: Vault, document: str, number: int, sealed: bytes) -> str:
    return vault.open_field("file name", f"{document}.{number}", sealed).decode()
