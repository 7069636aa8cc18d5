"""No record, no view: without a genuine receipt nothing of the vault is touched."""

import dataclasses

import pytest

from storage.errors import NoReceipt
from storage.keys import Keyring, LocalKeyFile
from storage.names import new_id
from storage.receipts import ReceiptBook

AREA, CASE, OBJECT = new_id(), new_id(), new_id()


def minted(book, **changes):
    said = {"entry": 3, "area": AREA, "case": CASE, "objects": frozenset([OBJECT]), "purpose": "person"}
    return book.mint(**{**said, **changes})


def test_a_receipt_covers_the_objects_it_names():
    book, other = ReceiptBook(), new_id()
    receipt = minted(book, objects=frozenset([OBJECT, other]))
    assert book.check(receipt, AREA, CASE, OBJECT) is receipt
    assert book.check(receipt, AREA, CASE, other) is receipt


@pytest.mark.parametrize(
    "where", [(new_id(), CASE, OBJECT), (AREA, new_id(), OBJECT), (AREA, CASE, new_id())]
)
def test_a_receipt_opens_nothing_else(where):
    book = ReceiptBook()
    with pytest.raises(NoReceipt):
        book.check(minted(book), *where)


@pytest.mark.parametrize(
    "forged",
    [
        {"entry": 4},
        {"objects": frozenset([OBJECT, "x"])},
        {"purpose": "rendering"},
        {"tag": b""},
        {"tag": bytes(32)},
    ],
)
def test_a_changed_receipt_is_refused(forged):
    book = ReceiptBook()
    with pytest.raises(NoReceipt):
        book.check(dataclasses.replace(minted(book), **forged), AREA, CASE, OBJECT)


def test_a_receipt_of_another_process_is_refused():
    with pytest.raises(NoReceipt):
        ReceiptBook().check(minted(ReceiptBook()), AREA, CASE, OBJECT)


@pytest.mark.parametrize("thing", [None, True, object(), {"entry": 1}])
def test_something_that_is_no_receipt_is_refused(thing):
    with pytest.raises(NoReceipt):
        ReceiptBook().check(thing, AREA, CASE, OBJECT)


@pytest.mark.parametrize("said", [{"purpose": "curiosity"}, {"objects": frozenset()}, {"entry": -1}])
def test_a_receipt_for_nothing_or_for_no_known_purpose_is_not_made(said):
    with pytest.raises(ValueError, match="receipt"):
        minted(ReceiptBook(), **said)


def test_without_a_receipt_neither_store_nor_key_is_touched(tmp_path):
    class Untouchable:
        def __getattr__(self, name):
            raise AssertionError(f"the store was asked for {name}")

    provider, receipts = LocalKeyFile.create(tmp_path / "root.json"), ReceiptBook()
    keyring = Keyring(provider, hub=new_id(), store=Untouchable(), receipts=receipts)
    area_key = keyring.new_area_key(AREA)
    vault = keyring.case_vault(area_key, keyring.new_case_key(area_key, AREA, CASE), AREA, CASE)
    record = dataclasses.make_dataclass("Row", ["object_id"])(OBJECT)
    with pytest.raises(NoReceipt):
        vault.open(record, minted(ReceiptBook()))
    assert "wrapping" not in vars(vault._keys)
