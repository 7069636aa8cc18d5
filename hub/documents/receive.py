"""Files on their way in: identified, sealed as they come, and kept for their owner until a document takes them.

The ciphertext is in the store before the row that names it: a crash leaves an object that the
sweep removes, never a row without its bytes.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access.actor import Actor
from hub.access.permissions import Permission
from hub.cases.access import load_case
from hub.cases.model import Case
from hub.disposal.holds import require_unheld
from hub.documents.model import StagedFile, StoredObject
from hub.documents.objects import sealed_object, sha256_of, store, take_back
from hub.documents.reader import Kind, Refused, clean_file_name, identify
from hub.documents.reader.kinds import HEAD_BYTES
from hub.documents.records import Part, require_open
from hub.documents.rules import MAX_STAGED
from hub.errors import Invalid, NotHere
from hub.ids import new_id
from hub.ledger.events import FileDiscarded, FileReceived
from storage.vault import SealedObject, Vault

MEGABYTE = 1_000_000
UPLOAD = Permission.DOCUMENT_UPLOAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """A file received; `size` in bytes, `sha256` (hex) of the content as it was sent.

    `again`: a file listed before this one has the same content.
    """

    id: str
    name: str
    size: int
    sha256: str
    kind: Kind
    received_at: datetime
    again: bool = False


class Receiving(Part):
    def receive(self, actor: Actor, case: str, file_name: str, stream: BinaryIO) -> Staged:
        """Seal one file for the case, to be part of a document later. `stream` can seek; it is read twice.

        Raises Invalid('file', ...) for what cannot be taken, Closed, NotHere.
        """
        vault = self._vault_to_fill(actor, case)
        name = clean_file_name(file_name)
        kind = self._identified(file_name, name, stream)
        stream.seek(0)
        sealed = vault.put("original", stream)
        try:
            return self._stage(actor, vault, sealed, name, kind)
        except BaseException as error:
            take_back(vault, [sealed], error)
            raise

    def _vault_to_fill(self, actor: Actor, case: str) -> Vault:
        with self._db.reading() as session:
            row = load_case(session, actor, UPLOAD, case)
            require_open(row)
            if _count(session, actor, case) >= MAX_STAGED:
                raise Invalid(
                    "file", f"{MAX_STAGED} files wait already. Make documents of them, or remove some."
                )
            return self._vaults.of(session, row)

    def _identified(self, file_name: str, shown: str, stream: BinaryIO) -> Kind:
        size = stream.seek(0, io.SEEK_END)
        if size > self.max_upload:
            raise Invalid("file", f"“{shown}”: a file may have up to {self.max_upload // MEGABYTE} MB.")
        stream.seek(0)
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        try:
            return identify(file_name, head, stream)
        except Refused as refused:
            raise Invalid("file", f"“{shown}”: {refused.sentence}") from refused

    def _stage(self, actor: Actor, vault: Vault, sealed: SealedObject, name: str, kind: Kind) -> Staged:
        with self._db.work() as work:
            case = load_case(work.session, actor, UPLOAD, vault.case)
            require_open(case)
            vault, (sealed,) = self._vaults.carried(work.session, case, vault, [sealed])
            before = {one.sha256 for one in staged_files(work.session, vault, actor, case)}
            store(work, vault, sealed, self._clock())
            row = self._staged_row(actor, vault, sealed, name, kind)
            work.session.add(row)
            work.record(actor, FileReceived(case=case.id, staged=row.id, size=sealed.size))
            work.commit()
        return Staged(
            id=row.id,
            name=name,
            size=sealed.size,
            sha256=sealed.sha256,
            kind=kind,
            received_at=row.received_at,
            again=sealed.sha256 in before,
        )

    def _staged_row(
        self, actor: Actor, vault: Vault, sealed: SealedObject, name: str, kind: Kind
    ) -> StagedFile:
        staged = new_id()
        return StagedFile(
            id=staged,
            case_id=vault.case,
            account_id=actor.account,
            object_id=sealed.object_id,
            kind=kind,
            sealed_file_name=vault.seal_field("staged name", staged, name.encode()),
            received_at=self._clock(),
        )

    def staged(self, actor: Actor, case: str) -> list[Staged]:
        """What the actor has sent for the case and no document took yet, oldest first."""
        with self._db.reading() as session:
            row = load_case(session, actor, UPLOAD, case)
            return staged_files(session, self._vaults.of(session, row), actor, row)

    def discard(self, actor: Actor, case: str, staged: str) -> None:
        """Remove one of the actor's own received files for good. Raises Refused under a legal hold."""
        with self._db.work() as work:
            row = load_case(work.session, actor, UPLOAD, case)
            work.session.refresh(row, with_for_update={"key_share": True})  # no hold is set meanwhile
            require_unheld(work.session, case)
            file = work.session.get(StagedFile, staged, with_for_update=True)
            if file is None or (file.account_id, file.case_id) != (actor.account, case):
                raise NotHere(permission=UPLOAD, why="absent", case=case)
            vault = self._vaults.of(work.session, row)
            stored = work.session.get_one(StoredObject, file.object_id)
            record = sealed_object(vault, stored)
            work.session.delete(file)
            work.session.flush()
            work.session.delete(stored)
            work.record(actor, FileDiscarded(case=case, staged=staged))
            work.after(lambda: vault.discard(record))
            work.commit()


def staged_files(session: Session, vault: Vault, actor: Actor, case: Case) -> list[Staged]:
    query = (
        select(StagedFile, StoredObject)
        .join(StoredObject, StoredObject.id == StagedFile.object_id)
        .where(StagedFile.case_id == case.id, StagedFile.account_id == actor.account)
        .order_by(StagedFile.received_at, StagedFile.id)
    )
    return [as_staged(vault, file, stored) for file, stored in session.execute(query)]


def told_apart(files: Iterable[Staged]) -> list[Staged]:
    """The same files, each marked that repeats the content of one before it."""
    seen: set[str] = set()
    marked = []
    for file in files:
        marked.append(replace(file, again=file.sha256 in seen))
        seen.add(file.sha256)
    return marked


def as_staged(vault: Vault, file: StagedFile, stored: StoredObject) -> Staged:
    return Staged(
        id=file.id,
        name=vault.open_field("staged name", file.id, file.sealed_file_name).decode(),
        size=stored.size,
        sha256=sha256_of(vault, stored),
        kind=Kind(file.kind),
        received_at=file.received_at,
    )


def _count(session: Session, actor: Actor, case: str) -> int:
    own = (StagedFile.account_id == actor.account) & (StagedFile.case_id == case)
    return session.scalars(select(func.count()).select_from(StagedFile).where(own)).one()


def as_binary(stream: object) -> BinaryIO:
    """A request's file, which the web framework types more loosely than it is."""
    return cast(BinaryIO, stream)
