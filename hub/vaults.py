"""From rows to keys: opens the vault of a case and the area's boxes for small secrets."""

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from hub.cases.model import Case
from hub.errors import Gone
from hub.people.model import Area, AreaPurposeKey, Installation
from storage.keys import KeyProvider, Keyring, WrappedKey
from storage.receipts import ReceiptBook
from storage.stores.base import Store
from storage.vault import FieldBox, SealedObject, Vault

RESEALED = frozenset({"totp", "held", "search", "checkpoint"})
"""Purposes of an area whose values are sealed again when its key is rotated: `hub.keys.sealed` says where they are."""
KEPT = frozenset({"log", "review", "disposal"})
"""Purposes whose values are on record for good and never written again: their old keys are kept, wrapped under the new area key."""


class Vaults:
    """The provider is opened at the first use, so that a hub without its keys can still say so."""

    def __init__(self, provider: Callable[[], KeyProvider], store: Store, receipts: ReceiptBook) -> None:
        self._provider, self.store, self._receipts = provider, store, receipts
        self._keyring: Keyring | None = None

    def of(self, session: Session, case: Case) -> Vault:
        """The vault of a case that the caller has authorised; Gone once it was shredded."""
        wrapped = case_key(case)
        if wrapped is None:
            raise Gone(permission="case:read", case=case.id)
        return self.keyring(session).case_vault(
            area_key(session, case.area_id), wrapped, case.area_id, case.id
        )

    def over(self, store: Store) -> "Vaults":
        """The same keys over another store, as that of a backup."""
        return Vaults(self._provider, store, self._receipts)

    def provider(self) -> KeyProvider:
        """Opened anew; raises StorageError where the root key is missing."""
        return self._provider()

    def carried(
        self, session: Session, case: Case, sealed_by: Vault, objects: Sequence[SealedObject]
    ) -> tuple[Vault, list[SealedObject]]:
        """The vault of now, and objects that wait for their rows as it opens them.

        Whoever seals in one session and writes the rows in another comes through here: the case's key may
        have been rotated between the two.
        """
        vault = self.of(session, case)
        return vault, [vault.adopt(one, sealed_by) for one in objects]

    def new_case_key(self, session: Session, area: str, case: str, *, version: int = 1) -> WrappedKey:
        return self.keyring(session).new_case_key(area_key(session, area), area, case, version=version)

    def new_area_key(self, session: Session, area: str, *, version: int = 1) -> WrappedKey:
        return self.keyring(session).new_area_key(area, version=version)

    def box(self, session: Session, area: str, purpose: str) -> FieldBox:
        """For secrets of the area: 'totp', 'log', 'held'. A purpose must be in `RESEALED` or `KEPT`.

        The box is for as long as the session: what it does not open may send it to the kept keys.
        """
        if purpose not in RESEALED | KEPT:
            raise ValueError(f"what is sealed for {purpose!r} must be declared: hub.vaults.RESEALED or KEPT")

        def kept() -> Sequence[WrappedKey]:
            return kept_keys(session, area, purpose) if purpose in KEPT else ()

        return self.keyring(session).area_box(area_key(session, area), area, purpose, kept)

    def seal_log(self, session: Session, area: str, data: bytes) -> bytes:
        """The box is asked for once in a session, as its key is: entries come in batches."""
        boxes: dict[str, FieldBox] = session.info.setdefault("log boxes", {})
        if area not in boxes:
            boxes[area] = self.box(session, area, "log")
        return boxes[area].seal(data, "entry")

    def open_log(self, session: Session, area: str, sealed: bytes) -> bytes:
        return self.box(session, area, "log").open(sealed, "entry")

    def keyring(self, session: Session) -> Keyring:
        if self._keyring is None:
            hub = session.scalars(select(Installation.id)).one()
            self._keyring = Keyring(self._provider(), hub=hub, store=self.store, receipts=self._receipts)
        return self._keyring


def case_key(case: Case) -> WrappedKey | None:
    """The key in a case's row; None once it was shredded."""
    if case.key_wrapped is None:
        return None
    return _with_spare(case.key_version, case.key_wrapped, case.key_spare_version, case.key_spare_wrapped)


def area_key(session: Session, area: str) -> WrappedKey:
    """Asked once in a session: every entry of the log is sealed with it."""
    kept: dict[str, WrappedKey] = session.info.setdefault("area keys", {})
    if area not in kept:
        kept[area] = _with_spare(*session.execute(_KEY, {"area": area}).one())
    return kept[area]


def kept_keys(session: Session, area: str, purpose: str) -> list[WrappedKey]:
    """The purpose keys of earlier area keys, newest first."""
    query = select(AreaPurposeKey.version, AreaPurposeKey.wrapped).where(
        AreaPurposeKey.area_id == area, AreaPurposeKey.purpose == purpose
    )
    newest_first = session.execute(query.order_by(AreaPurposeKey.version.desc()))
    return [WrappedKey(version=version, data=wrapped) for version, wrapped in newest_first]


def _with_spare(version: int, data: bytes, spare_version: int | None, spare: bytes | None) -> WrappedKey:
    if spare_version is None or spare is None:
        return WrappedKey(version=version, data=data)
    return WrappedKey(version=version, data=data, spare=WrappedKey(version=spare_version, data=spare))


_KEY = select(Area.key_version, Area.key_wrapped, Area.key_spare_version, Area.key_spare_wrapped).where(
    Area.id == bindparam("area")
)
