"""From rows to keys: opens the vault of a case and the area's boxes for small secrets."""

from collections.abc import Callable

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from hub.cases.model import Case
from hub.errors import NotHere
from hub.people.model import Area, Installation
from storage.keys import KeyProvider, Keyring, WrappedKey
from storage.receipts import ReceiptBook
from storage.stores.base import Store
from storage.vault import FieldBox, Vault


class Vaults:
    """The provider is opened at the first use, so that a hub without its keys can still say so."""

    def __init__(self, provider: Callable[[], KeyProvider], store: Store, receipts: ReceiptBook) -> None:
        self._provider, self.store, self._receipts = provider, store, receipts
        self._keyring: Keyring | None = None

    def of(self, session: Session, case: Case) -> Vault:
        """The vault of a case; NotHere once the case was shredded."""
        if case.key_wrapped is None:
            raise NotHere(permission="case:read", why="shredded", case=case.id)
        wrapped = WrappedKey(version=case.key_version, data=case.key_wrapped)
        return self.keyring(session).case_vault(
            _area_key(session, case.area_id), wrapped, case.area_id, case.id
        )

    def new_case_key(self, session: Session, area: str, case: str) -> WrappedKey:
        return self.keyring(session).new_case_key(_area_key(session, area), area, case)

    def new_area_key(self, session: Session, area: str) -> WrappedKey:
        return self.keyring(session).new_area_key(area)

    def box(self, session: Session, area: str, purpose: str) -> FieldBox:
        """For secrets of the area: 'totp', 'log', 'held'."""
        return self.keyring(session).area_box(_area_key(session, area), area, purpose)

    def seal_log(self, session: Session, area: str, data: bytes) -> bytes:
        return self.box(session, area, "log").seal(data, "entry")

    def open_log(self, session: Session, area: str, sealed: bytes) -> bytes:
        return self.box(session, area, "log").open(sealed, "entry")

    def keyring(self, session: Session) -> Keyring:
        if self._keyring is None:
            hub = session.scalars(select(Installation.id)).one()
            self._keyring = Keyring(self._provider(), hub=hub, store=self.store, receipts=self._receipts)
        return self._keyring


def _area_key(session: Session, area: str) -> WrappedKey:
    """Asked once in a session: every entry of the log is sealed with it."""
    kept: dict[str, WrappedKey] = session.info.setdefault("area keys", {})
    if area not in kept:
        version, data = session.execute(_KEY, {"area": area}).one()
        kept[area] = WrappedKey(version=version, data=data)
    return kept[area]


_KEY = select(Area.key_version, Area.key_wrapped).where(Area.id == bindparam("area"))
