"""One case's vault: everything of the case that is kept, sealed under the case's key.

``open`` is the only way to an object's content, and needs a receipt of a committed log entry. Fields and
blobs are what database rows hold sealed; the hub logs their reading where it shows them.
"""

import contextlib
import hashlib
import hmac
import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from types import TracebackType
from typing import Self, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.beside import Beside
from storage.binding import canonical
from storage.errors import NoReceipt, NotFound, Tampered, WrongKey
from storage.failpoints import Point, failpoint
from storage.names import check_id, check_kind, check_version, new_id, object_name
from storage.receipts import RECOVERY, Receipt, ReceiptBook
from storage.sealed import Bytes, IntoReadable, Readable, SealedReader, Sealer, chunks_of, new_object_key
from storage.stores.base import Store, StoredObject, StoreWriter
from storage.wraps import KEY_SIZE, NONCE, unwrap, wrap

_FIELD_VERSION = b"\x01"
_FIELD_HEAD = 1 + NONCE
_ALTERED = "This is not as it was sealed, so nothing of it can be shown."


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedObject:
    """What a database row keeps of an object; every part is needed to open it again.

    ``size`` and ``sha256`` are of the content, ``sealed_size`` and ``sealed_sha256`` of the sealed bytes.
    """

    object_id: str
    kind: str
    version: int
    size: int
    sha256: str
    sealed_size: int
    sealed_sha256: str
    wrapped_key: bytes
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One object's own key, what its sealed bytes are bound to, and those bytes; close ``sealed`` after use."""

    key: bytes
    associated_data: bytes
    sealed: StoredObject

    def __repr__(self) -> str:
        return "Recovery()"


class CaseKeys:
    """The keys of one case, each derived from the case key for one use when it is first needed.

    ``older``: the case's other keys while its key is rotated; they open what these do not, and seal nothing.
    """

    def __init__(
        self, *, key: bytes, hub: str, area: str, case: str, older: "CaseKeys | None" = None
    ) -> None:
        self._key, self._older = key, older
        self.hub, self.area, self.case = hub, area, case

    def __repr__(self) -> str:
        return f"CaseKeys(case={self.case!r})"

    @cached_property
    def wrapping(self) -> AESGCM:
        return AESGCM(self._derived("object-key"))

    @cached_property
    def fields(self) -> "FieldBox":
        bound, older = self.binding("mappa-hub/field/1"), self._older
        return FieldBox(self._derived("field"), bound, lambda: [older.fields] if older else [])

    @cached_property
    def blobs(self) -> "FieldBox":
        bound, older = self.binding("mappa-hub/blob/1"), self._older
        return FieldBox(self._derived("blob"), bound, lambda: [older.blobs] if older else [])

    def object_key(self, wrapped: bytes, bound: bytes) -> bytes:
        """An object's key; ``WrongKey`` when neither these keys nor the older ones wrap it."""
        try:
            return unwrap(self.wrapping, wrapped, bound)
        except WrongKey:
            if self._older is None:
                raise
            return self._older.object_key(wrapped, bound)

    def same_as(self, other: "CaseKeys") -> bool:
        return hmac.compare_digest(self._key, other._key)  # noqa: SLF001  (of the same class)

    def binding(self, label: str, *more: str | int) -> bytes:
        return canonical(label, self.hub, self.area, self.case, *more)

    def _derived(self, purpose: str) -> bytes:
        info = self.binding("mappa-hub/case-purpose/1", purpose)
        return HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=None, info=info).derive(self._key)


class FieldBox:
    """Small things for database rows: ``01 | nonce (12) | ciphertext | tag (16)``, AES-256-GCM.

    The associated data is ``bound`` followed by what the caller names, so a value moved to another field,
    row or case does not open: ``Tampered``. ``older``, asked only for what this key does not open, gives
    boxes that may open it; nothing is sealed under them.
    """

    def __init__(self, key: bytes, bound: bytes, older: "Callable[[], Iterable[FieldBox]]" = tuple) -> None:
        self._cipher, self._bound, self._older = AESGCM(key), bound, older

    def seal(self, data: bytes, *named: str | int) -> bytes:
        nonce = os.urandom(NONCE)
        return _FIELD_VERSION + nonce + self._cipher.encrypt(nonce, data, self._bound + _named(named))

    def open(self, sealed: bytes, *named: str | int) -> bytes:
        if sealed[:1] != _FIELD_VERSION or len(sealed) < _FIELD_HEAD:
            raise Tampered(_ALTERED)
        bound = self._bound + _named(named)
        try:
            return self._cipher.decrypt(sealed[1:_FIELD_HEAD], memoryview(sealed)[_FIELD_HEAD:], bound)
        except InvalidTag:
            return self._opened_by_older(sealed, named)

    def _opened_by_older(self, sealed: bytes, named: tuple[str | int, ...]) -> bytes:
        for box in self._older():
            with contextlib.suppress(Tampered):
                return box.open(sealed, *named)
        raise Tampered(_ALTERED)


def _named(fields: tuple[str | int, ...]) -> bytes:
    return canonical(str(fields[0]), *fields[1:])


class Vault:
    """Safe to share between threads; readers and pending objects are each for one."""

    def __init__(self, keys: CaseKeys, store: Store, receipts: ReceiptBook) -> None:
        self._keys, self._store, self._receipts = keys, store, receipts

    @property
    def area(self) -> str:
        return self._keys.area

    @property
    def case(self) -> str:
        return self._keys.case

    def start(self, kind: str, *, object_id: str | None = None, version: int = 1) -> "PendingObject":
        """Begin an object to be sealed as it comes in. One id and version is one object, whatever its kind."""
        label = _Label(object_id or new_id(), check_kind(kind), check_version(version))
        name = object_name(self.area, self.case, label.object_id, version)
        key = new_object_key()
        wrapped = wrap(self._keys.wrapping, key, self._key_binding(label))
        writer = self._store.create(name)
        failpoint(Point.OBJECT_BEGUN)
        try:
            return PendingObject(writer, key, self._binding(label), wrapped, label, name)
        except BaseException:
            writer.abort()
            raise

    def put(
        self,
        kind: str,
        source: Iterable[Bytes] | Readable | IntoReadable,
        *,
        object_id: str | None = None,
        version: int = 1,
    ) -> SealedObject:
        """Seal all of ``source``: chunks of bytes (``[data]``), or anything with ``readinto`` or ``read``."""
        with self.start(kind, object_id=object_id, version=version) as pending:
            pending.write_all(source)
            return pending.finish()

    def open(self, record: SealedObject, receipt: Receipt) -> SealedReader:
        """The content, authenticated as it is read; close it after use.

        ``NoReceipt`` comes before anything is touched; ``Tampered`` when the sealed bytes are not those of
        the record, ``WrongKey`` when the record is another case's, ``NotFound`` when the bytes are gone.
        """
        self._receipts.check(receipt, self.area, self.case, record.object_id)
        label = _Label(record.object_id, record.kind, record.version)
        key = self._keys.object_key(record.wrapped_key, self._key_binding(label))
        stored = self._store.open(self._name_of(record))
        try:
            return _reader(stored, record, key, self._binding(label))
        except BaseException:
            stored.close()
            raise

    def rewrap(self, record: SealedObject, receipt: Receipt, into: "Vault") -> SealedObject:
        """The record as the same case's vault under a new case key opens it; the sealed bytes stay."""
        if (into.area, into.case) != (self.area, self.case):
            raise WrongKey("An object can be wrapped again for its own case only.")
        self._receipts.check(receipt, self.area, self.case, record.object_id)
        bound = self._key_binding(_Label(record.object_id, record.kind, record.version))
        key = self._keys.object_key(record.wrapped_key, bound)
        wrapping = into._keys.wrapping  # noqa: SLF001  (of the same class)
        return replace(record, wrapped_key=wrap(wrapping, key, bound))

    def adopt(self, record: SealedObject, sealed_by: "Vault") -> SealedObject:
        """The record of an object that has no row yet, as this vault opens it.

        The case's key may have been rotated between the sealing of an upload and the writing of its row.
        Needs no receipt: it opens no content, and what it takes was sealed in this process.
        """
        if (sealed_by.area, sealed_by.case) != (self.area, self.case):
            raise WrongKey("An object can be wrapped again for its own case only.")
        theirs = sealed_by._keys  # noqa: SLF001  (of the same class)
        if self._keys.same_as(theirs):
            return record
        bound = self._key_binding(_Label(record.object_id, record.kind, record.version))
        key = theirs.object_key(record.wrapped_key, bound)
        return replace(record, wrapped_key=wrap(self._keys.wrapping, key, bound))

    def holds_key(self, record: SealedObject) -> bool:
        """Whether the object's key is wrapped for this vault; opens nothing."""
        bound = self._key_binding(_Label(record.object_id, record.kind, record.version))
        try:
            self._keys.object_key(record.wrapped_key, bound)
        except WrongKey:
            return False
        return True

    def recovery(self, record: SealedObject, receipt: Receipt) -> Recovery:
        """What another program needs to unseal this one object: a disclosure, so its receipt must say so.

        ``NoReceipt`` before anything is touched, as for ``open``.
        """
        said = self._receipts.check(receipt, self.area, self.case, record.object_id)
        if said.purpose != RECOVERY:
            raise NoReceipt("Nothing was handed out, because no entry in the access log says so.")
        label = _Label(record.object_id, record.kind, record.version)
        key = self._keys.object_key(record.wrapped_key, self._key_binding(label))
        return Recovery(
            key=key, associated_data=self._binding(label), sealed=self._store.open(self._name_of(record))
        )

    def verify(self, record: SealedObject) -> None:
        """Compare the sealed bytes with the record without opening them; ``Tampered`` when they differ."""
        stored = self._store.open(self._name_of(record))
        digest, buffer = hashlib.sha256(), memoryview(bytearray(1 << 20))
        try:
            while got := stored.readinto(buffer):
                digest.update(buffer[:got])
        finally:
            stored.close()
        if digest.hexdigest() != record.sealed_sha256:
            raise Tampered(_ALTERED)

    def discard(self, record: SealedObject) -> None:
        """Remove the sealed bytes for good; it is no error when they are gone already."""
        try:
            self._store.delete(self._name_of(record))
        except NotFound:
            return
        failpoint(Point.OBJECT_DISCARDED)

    def seal_field(self, field: str, row: str, data: bytes) -> bytes:
        return self._keys.fields.seal(data, field, row)

    def open_field(self, field: str, row: str, sealed: bytes) -> bytes:
        return self._keys.fields.open(sealed, field, row)

    def seal_blob(self, kind: str, row: str, version: int, data: bytes) -> bytes:
        """Like a field, with a version that the row holds too, so that an older blob does not open."""
        return self._keys.blobs.seal(data, kind, row, version)

    def open_blob(self, kind: str, row: str, version: int, sealed: bytes) -> bytes:
        return self._keys.blobs.open(sealed, kind, row, version)

    def _name_of(self, record: SealedObject) -> str:
        name = object_name(self.area, self.case, check_id(record.object_id), record.version)
        if name != record.name:
            raise Tampered("The record names another object's bytes.")
        return name

    def _binding(self, label: "_Label") -> bytes:
        return self._keys.binding("mappa-hub/object/1", label.object_id, label.kind, label.version)

    def _key_binding(self, label: "_Label") -> bytes:
        return self._keys.binding("mappa-hub/object-key/1", label.object_id, label.kind, label.version)


@dataclass(frozen=True, slots=True)
class _Label:
    object_id: str
    kind: str
    version: int


class PendingObject:
    """An object on its way in: ``write`` as often as needed, then ``finish`` or ``abort``.

    As a context manager it is aborted unless it was finished. Nothing is in the store before ``finish``.
    """

    def __init__(
        self, writer: StoreWriter, key: bytes, binding: bytes, wrapped: bytes, label: _Label, name: str
    ) -> None:
        self._writer, self._wrapped, self._label, self._name = writer, wrapped, label, name
        self._content = _Digest()
        self._outlet = _HashedOutlet(writer)
        self._sealer = Sealer(self._outlet, key, binding)

    @property
    def object_id(self) -> str:
        return self._label.object_id

    def write(self, data: Bytes) -> int:
        self._content.update(memoryview(data).cast("B"))
        written = self._sealer.write(data)
        self._content.settle()
        return written

    def write_all(self, source: Iterable[Bytes] | Readable | IntoReadable) -> None:
        if hasattr(source, "readinto"):
            while piece := self._sealer.take(cast("IntoReadable", source)):
                self._content.update(piece)
            return
        for chunk in chunks_of(source):
            self.write(chunk)

    def finish(self) -> SealedObject:
        totals = self._sealer.finish()
        sha256, sealed_sha256 = self._content.end(), self._outlet.digest.end()
        failpoint(Point.OBJECT_WRITTEN)
        self._writer.commit()
        failpoint(Point.OBJECT_COMMITTED)
        return SealedObject(
            object_id=self._label.object_id,
            kind=self._label.kind,
            version=self._label.version,
            size=totals.size,
            sha256=sha256,
            sealed_size=totals.sealed_size,
            sealed_sha256=sealed_sha256,
            wrapped_key=self._wrapped,
            name=self._name,
        )

    def abort(self) -> None:
        self._content.close()
        self._outlet.digest.close()
        self._writer.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()


def _reader(stored: StoredObject, record: SealedObject, key: bytes, binding: bytes) -> SealedReader:
    if stored.seek(0, io.SEEK_END) != record.sealed_size:
        raise Tampered(_ALTERED)
    reader = SealedReader(stored, key, binding)
    if reader.size != record.size:
        raise Tampered(_ALTERED)
    return reader


class _Digest(Beside):
    """SHA-256 of what is given, made beside the sealing: it takes longer than all the rest."""

    def __init__(self) -> None:
        super().__init__()
        self._sha256 = hashlib.sha256()

    def update(self, data: memoryview) -> None:
        self.start(self._sha256.update, data)

    def end(self) -> str:
        self.settle()
        self.close()
        return self._sha256.hexdigest()


class _HashedOutlet:
    def __init__(self, writer: StoreWriter) -> None:
        self._writer, self.digest = writer, _Digest()

    def write(self, data: memoryview, /) -> None:
        self.digest.update(data)
        self._writer.write(data)
