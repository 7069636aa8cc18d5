"""Between the vault's records and their rows."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from hub.db import UnitOfWork, may_be_durable
from hub.documents.model import StoredObject
from storage.vault import SealedObject, Vault


def sha256_of(vault: Vault, row: StoredObject) -> str:
    """Of the content as it was sent, in hex."""
    return vault.open_field("sha256", row.id, row.sha256).decode()


def stored_row(vault: Vault, record: SealedObject, now: datetime) -> StoredObject:
    """The row that remembers a sealed object; the content's own hash is sealed in it."""
    return StoredObject(
        id=record.object_id,
        case_id=vault.case,
        kind=record.kind,
        version=record.version,
        size=record.size,
        sha256=vault.seal_field("sha256", record.object_id, record.sha256.encode()),
        sealed_size=record.sealed_size,
        sealed_sha256=record.sealed_sha256,
        wrapped_key=record.wrapped_key,
        name=record.name,
        created_at=now,
    )


def store(work: UnitOfWork, vault: Vault, record: SealedObject, now: datetime) -> StoredObject:
    """Add the row of an object that the vault has taken."""
    row = stored_row(vault, record, now)
    work.session.add(row)
    work.session.flush()
    return row


def sealed_object(vault: Vault, row: StoredObject) -> SealedObject:
    """What the vault needs to open it again."""
    return SealedObject(
        object_id=row.id,
        kind=row.kind,
        version=row.version,
        size=row.size,
        sha256=sha256_of(vault, row),
        sealed_size=row.sealed_size,
        sealed_sha256=row.sealed_sha256,
        wrapped_key=row.wrapped_key,
        name=row.name,
    )


def load_object(session: Session, vault: Vault, object_id: str) -> SealedObject:
    return sealed_object(vault, session.get_one(StoredObject, object_id))


def discard_all(vault: Vault, objects: Iterable[SealedObject]) -> None:
    """Remove what was sealed for rows that never came to be."""
    for one in objects:
        vault.discard(one)


def take_back(vault: Vault, objects: Iterable[SealedObject], error: BaseException) -> None:
    """The same after a unit of work that ended in `error`; where the rows may be there all the same, the sweep decides."""
    if not may_be_durable(error):
        discard_all(vault, objects)
