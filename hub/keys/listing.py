"""What is stored, by id, and one object's own key for another program."""

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.cases.model import Case
from hub.documents.model import StoredObject
from hub.documents.objects import sealed_object
from hub.errors import Invalid
from hub.keys.cases import Parts
from hub.ledger.events import RecoveryKeyMade, VaultListed
from hub.people.model import Area
from storage.disk import disk_errors, sync_folder, write_synced
from storage.sealed import SEGMENT
from storage.vault import Recovery
from storage.wraps import KEY_SIZE

SHA256 = 3
"""Tink's HashType."""
KEY_TYPE = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """`size` of the content, `sealed_size` in the store, in bytes. No name, no title.

    `destroyed`: the case's key is gone, so this can never be read again; its bytes are removed from the store too.
    """

    case: str
    object: str
    kind: str
    version: int
    size: int
    sealed_size: int
    created_at: datetime
    destroyed: bool


class StoredObjects:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._db, self._vaults = parts.db, parts.vaults

    def listed(self, case: str | None) -> list[StoredLine]:
        """Of one case or of all, on record before it is shown."""
        lines = []
        with self._db.reading() as session:
            areas = list(session.scalars(select(Area.id).order_by(Area.id)))
            if case is not None:
                areas = [_known(session, case).area_id]
        for area in areas:
            lines += self._listed(area, case)
        return lines

    def _listed(self, area: str, case: str | None) -> list[StoredLine]:
        query = select(StoredObject, Case.key_wrapped.is_(None)).join(Case, Case.id == StoredObject.case_id)
        query = query.where(Case.area_id == area)
        if case is not None:
            query = query.where(Case.id == case)
        with self._db.work() as work:
            ordered = query.order_by(StoredObject.case_id, StoredObject.created_at, StoredObject.id)
            found = [_line(row, destroyed=gone) for row, gone in work.session.execute(ordered)]
            work.record(program(area), VaultListed(case=case, total=len(found)))
            work.commit()
        return found

    def hand_out(self, case: str, stored: str, because: str, to: Path) -> None:
        """Write `keyset.json`, `associated-data.bin` and `object.sealed` into the new folder `to`.

        On record as a disclosure before anything is written. Raises Invalid, StorageError.
        """
        if not because.strip():
            raise Invalid("reason", "Say why this key is handed out: --reason TEXT.")
        if to.exists():
            raise Invalid("to", f"{to} is there already: name a folder that is not.")
        with self._db.work() as work:
            row = _case(work.session, case)
            vault = self._vaults.of(work.session, row)
            found = work.session.get(StoredObject, stored)
            if found is None or found.case_id != case:
                raise Invalid("object", "This case has no such object: `vault ls --case` lists them.")
            record = sealed_object(vault, found)
            said = RecoveryKeyMade(case=case, stored=stored, version=record.version, because=because)
            entry = work.record(program(row.area_id), said)
            work.commit()
        receipt = work.receipt(entry, case=case, objects=[stored], purpose="recovery")
        _write(vault.recovery(record, receipt), to)


def tink_keyset(key: bytes) -> bytes:
    """A cleartext keyset in Tink's JSON with one key, for objects as docs/sealed-format.md describes them."""
    identifier = 1 + secrets.randbelow((1 << 31) - 1)
    params = _number(1, SEGMENT) + _number(2, KEY_SIZE) + _number(3, SHA256)
    data = {
        "typeUrl": KEY_TYPE,
        "value": base64.b64encode(_bytes(2, params) + _bytes(3, key)).decode("ascii"),
        "keyMaterialType": "SYMMETRIC",
    }
    one = {"keyData": data, "status": "ENABLED", "keyId": identifier, "outputPrefixType": "RAW"}
    return json.dumps({"primaryKeyId": identifier, "key": [one]}, indent=1).encode("ascii")


def _number(field: int, value: int) -> bytes:
    """A field of a protocol buffer."""
    return bytes([field << 3]) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits at a time
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _write(recovery: Recovery, to: Path) -> None:
    with disk_errors(), closing(recovery.sealed):
        to.mkdir(mode=0o700, parents=True)
        write_synced(to / "associated-data.bin", [recovery.associated_data])
        write_synced(to / "object.sealed", _pieces(recovery))
        write_synced(to / "keyset.json", [tink_keyset(recovery.key)])
        sync_folder(to)


def _pieces(recovery: Recovery) -> Iterator[memoryview]:
    """Each is the same memory: write it before you ask for the next."""
    buffer = memoryview(bytearray(PIECE))
    while got := recovery.sealed.readinto(buffer):
        yield buffer[:got]


def _known(session: Session, case: str) -> Case:
    row = session.get(Case, case)
    if row is None:
        raise Invalid("case", "There is no such case.")
    return row


def _case(session: Session, case: str) -> Case:
    row = _known(session, case)
    if row.key_wrapped is None:
        raise Invalid("case", "This case was destroyed with its key: nothing of it can be handed out.")
    return row


def _line(row: StoredObject, *, destroyed: bool) -> StoredLine:
    return StoredLine(
        case=row.case_id,
        object=row.id,
        kind=row.kind,
        version=row.version,
        size=row.size,
        sealed_size=row.sealed_size,
        created_at=row.created_at,
        destroyed=destroyed,
    )
