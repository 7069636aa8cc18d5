"""The vectors of docs/sealed-format.md: the good ones open, the bad ones fail as they say."""

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from storage import errors
from storage.binding import canonical
from storage.names import object_name
from storage.receipts import ReceiptBook
from storage.sealed import SEGMENT, SealedReader, seal
from storage.stores import MemoryStore
from storage.vault import CaseKeys, SealedObject, Vault
from storage.wraps import unwrap

FOLDER = Path(__file__).parents[1] / "vectors" / "sealed"
GOOD = {vector["name"]: vector for vector in json.loads((FOLDER / "good.json").read_text())}
BAD = {vector["name"]: vector for vector in json.loads((FOLDER / "bad.json").read_text())}
ROWS = json.loads((FOLDER / "rows.json").read_text())


def content(vector):
    unit, size = vector["content"]["repeat"].encode(), vector["content"]["size"]
    return (unit * (size // len(unit) + 1))[:size]


def sealed(vector):
    """Seal the vector's content again with its own salt and nonce prefix."""
    fixed = iter([bytes.fromhex(vector["salt"]), bytes.fromhex(vector["nonce_prefix"])])
    sink = io.BytesIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "urandom", lambda size: next(fixed))
        seal(
            [content(vector)],
            sink,
            bytes.fromhex(vector["object_key"]),
            bytes.fromhex(vector["associated_data"]),
        )
    return sink.getvalue()


def keys(vector):
    where = {name: vector[name] for name in ("hub", "area", "case")}
    return CaseKeys(key=bytes.fromhex(vector["case_key"]), **where)


def bound(vector, label):
    return keys(vector).binding(label, vector["object"], vector["kind"], vector["version"])


def opened(vector, data):
    """From the case key down to the content, yielding what a reader would be given."""
    if "row" in vector:
        yield from opened_by_row(vector, data)
        return
    key = vector.get("forced_key") or unwrap(
        keys(vector).wrapping, bytes.fromhex(vector["wrapped_key"]), bound(vector, "mappa-hub/object-key/1")
    )
    reader = SealedReader(io.BytesIO(data), key, bound(vector, "mappa-hub/object/1"))
    yield from reader.chunks(0, reader.size, SEGMENT)


def opened_by_row(vector, data):
    """Through the vault, as a row that says `vector["row"]` instead would have it."""
    where = vector["area"], vector["case"], vector["object"]
    record = SealedObject(
        object_id=vector["object"], kind=vector["kind"], version=vector["version"],
        size=vector["content"]["size"], sha256="", sealed_size=vector["sealed_size"],
        sealed_sha256=vector["sealed_sha256"], wrapped_key=bytes.fromhex(vector["wrapped_key"]),
        name=object_name(*where, vector["version"]),
    )  # fmt: skip
    store, receipts = MemoryStore(), ReceiptBook()
    writer = store.create(record.name)
    writer.write(data)
    writer.commit()
    vault = Vault(keys(vector), store, receipts)
    record = replace(record, **vector["row"])
    if vector.get("verify"):
        vault.verify(record)
    area, case, one = where
    receipt = receipts.mint(entry=1, area=area, case=case, objects=frozenset([one]), purpose="person")
    with vault.open(record, receipt) as reader:
        yield from reader.chunks(0, reader.size, SEGMENT)


@pytest.mark.parametrize("name", GOOD)
def test_a_row_that_says_what_is_true_opens(name):
    vector = GOOD[name] | {"row": {}, "verify": True}
    assert b"".join(opened(vector, sealed(vector))) == content(vector)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_vector_is_what_this_program_seals_and_opens(name):
    vector = GOOD[name]
    data = sealed(vector)
    assert (len(data), hashlib.sha256(data).hexdigest()) == (vector["sealed_size"], vector["sealed_sha256"])
    assert data.hex() == vector.get("sealed", data.hex())
    assert bound(vector, "mappa-hub/object/1").hex() == vector["associated_data"]
    assert b"".join(opened(vector, data)) == content(vector)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_vector_fails_as_it_says_after_as_much_as_it_says(name):
    case = BAD[name]
    good = GOOD[case["from"]]
    vector, data = changed(good, sealed(good), case["change"])
    got = bytearray()
    with pytest.raises(getattr(errors, case["expect"])):
        collect(opened(vector, data), got)
    assert got == content(good)[: case["released"]]


def changed(vector, data, change):
    [(how, what)] = change.items()
    vector = dict(vector)
    match how:
        case "flip":
            data = flipped(data, what)
        case "truncate":
            data = data[:what]
        case "extend":
            data += bytes.fromhex(what)
        case "exchange":
            parts = [data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT)]
            one, other = what
            parts[one], parts[other] = parts[other], parts[one]
            data = b"".join(parts)
        case "field":
            vector[what[0]] = what[1]
        case "associated_data":
            vector |= {what[0]: what[1], "forced_key": bytes.fromhex(vector["object_key"])}
        case "object_key":
            vector["forced_key"] = bytes.fromhex(what)
        case "wrapped_key_flip":
            vector["wrapped_key"] = flipped(bytes.fromhex(vector["wrapped_key"]), what).hex()
        case "row" | "verify":
            vector |= row_changed(how, what)
        case _:
            raise AssertionError(how)
    return vector, data


def row_changed(how, what):
    if how == "verify":
        return {"row": {"sealed_sha256": what}, "verify": True}
    name, value = what
    return {"row": {name: bytes.fromhex(value) if name == "wrapped_key" else value}}


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize("vector", ROWS["bindings"], ids=lambda vector: "-".join(map(str, vector["fields"])))
def test_bindings_are_written_as_said(vector):
    assert canonical(*vector["fields"]).hex() == vector["bytes"]


def test_fields_and_blobs_of_rows_open():
    case, field, blob = keys(ROWS), ROWS["field"], ROWS["blob"]
    opened_field = case.fields.open(bytes.fromhex(field["sealed"]), field["field"], field["row"])
    opened_blob = case.blobs.open(bytes.fromhex(blob["sealed"]), blob["kind"], blob["row"], blob["version"])
    assert (opened_field.decode(), opened_blob.decode()) == (field["data"], blob["data"])


@pytest.mark.parametrize("case", ROWS["bad"], ids=lambda case: case["name"])
def test_a_bad_field_or_blob_fails_as_it_says(case):
    [(how, what)] = case["change"].items()
    vector, sealed = {**ROWS, **ROWS[case["of"]]}, bytes.fromhex(ROWS[case["of"]]["sealed"])
    if how == "flip":
        sealed = flipped(sealed, what % len(sealed))
    elif how == "truncate":
        sealed = sealed[:what]
    else:
        vector[how] = what
    boxes, blob = keys(vector), vector.get("as", case["of"]) == "blob"
    named = (vector.get("kind", vector.get("field")), vector["row"], *([vector["version"]] if blob else []))
    with pytest.raises(getattr(errors, case["expect"])):
        (boxes.blobs if blob else boxes.fields).open(sealed, *named)


def collect(chunks, got):
    for chunk in chunks:
        got += chunk
