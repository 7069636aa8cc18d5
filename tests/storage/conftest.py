"""A hub's storage with nothing replaced: real keys, a real folder, real receipts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from storage.keys import Keyring, LocalKeyFile, WrappedKey
from storage.names import new_id
from storage.receipts import Receipt, ReceiptBook
from storage.stores import FolderStore, store_from_url
from storage.stores.s3 import S3Store
from storage.vault import SealedObject, Vault
from tests.realstore.server import BUCKET, REGION, SwiftServer, insist


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


@pytest.fixture(scope="session")
def swift_server():
    """A real S3 service, OpenStack Swift's; skipped where it cannot run, which on CI is a failure."""
    insist()
    with SwiftServer() as server:
        yield server


@pytest.fixture(scope="session")
def swift_service(swift_server):
    """Made as the hub makes it, by URL and from the environment."""
    swift_server.make_bucket()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in swift_server.environ.items():
            patched.setenv(name, value)
        return store_from_url(f"s3://{BUCKET}/first", None)


@pytest.fixture(scope="module")
def moto_service():
    with pytest.MonkeyPatch.context() as patched, mock_aws():
        patched.setenv("AWS_DEFAULT_REGION", REGION)
        boto3.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        yield store_from_url(f"s3://{BUCKET}/first", None)


def own_prefix(service):
    """The client is shared, for it takes a quarter of a second to make."""
    return S3Store(service._s3, BUCKET, new_id())


@pytest.fixture
def s3(moto_service):
    return own_prefix(moto_service)


@pytest.fixture
def swift(swift_service):
    return own_prefix(swift_service)
