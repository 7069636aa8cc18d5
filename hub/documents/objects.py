"""Between the vault's records and their rows."""

from datetime import datetime

from hub.documents.model import StoredObject
from storage.vault import SealedObject, Vault


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


def sealed_object(vault: Vault, row: StoredObject) -> SealedObject:
    """What the vault needs to open it again."""
    return SealedObject(
        object_id=row.id,
        kind=row.kind,
        version=row.version,
        size=row.size,
        sha256=vault.open_field("sha256", row.id, row.sha256).decode(),
        sealed_size=row.sealed_size,
        sealed_sha256=row.sealed_sha256,
        wrapped_key=row.wrapped_key,
        name=row.name,
    )
