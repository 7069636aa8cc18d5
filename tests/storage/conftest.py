"""A hub's storage with nothing replaced: real keys, a real folder, real receipts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.keys import Keyring, LocalKeyFile, WrappedKey
from storage.names import new_id
from storage.receipts import Receipt, ReceiptBook
from storage.stores import FolderStore
from storage.vault import SealedObject, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    store: FolderStore
    folder: Path
    receipts: ReceiptBook
    keyring: Keyring
    area: str
    area_key: WrappedKey

    def vault(self) -> Vault:
        case = new_id()
        case_key = self.keyring.new_case_key(self.area_key, self.area, case)
        return self.keyring.case_vault(self.area_key, case_key, self.area, case)

    def receipt(self, vault: Vault, *records: SealedObject) -> Receipt:
        named = frozenset(record.object_id for record in records)
        return self.receipts.mint(entry=7, area=vault.area, case=vault.case, objects=named, purpose="person")

    def read(self, vault: Vault, record: SealedObject) -> bytes:
        with vault.open(record, self.receipt(vault, record)) as reader:
            return reader.read()

    def path(self, record: SealedObject) -> Path:
        area, case, last = record.name.split("/")
        return self.folder / area / case / last[:2] / last


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build(tmp_path)


@pytest.fixture
def build_house() -> Callable[[Path], House]:
    return build


def build(home: Path) -> House:
    folder, receipts = home / "objects", ReceiptBook()
    store, area = FolderStore(folder), new_id()
    provider = LocalKeyFile.create(home / "keys" / "root.json")
    keyring = Keyring(provider, hub=new_id(), store=store, receipts=receipts)
    area_key = keyring.new_area_key(area)
    return House(store=store, folder=folder, receipts=receipts, keyring=keyring, area=area, area_key=area_key)
