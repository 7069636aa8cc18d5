"""One case's vault, on a real folder and a real key file."""

import base64
import dataclasses
import hashlib
import io
import random
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from storage.errors import AlreadyExists, BadName, Full, NotFound, Tampered, WrongKey
from storage.names import new_id
from storage.sealed import SEGMENT


def test_the_record_says_what_went_in_and_what_was_stored(house):
    vault, data = house.vault(), random.Random(1).randbytes(SEGMENT + 9)
    record = vault.put("document", io.BytesIO(data))
    stored = house.path(record).read_bytes()
    assert (record.size, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (record.sealed_size, record.sealed_sha256) == (len(stored), hashlib.sha256(stored).hexdigest())
    assert house.read(vault, record) == data


def test_an_object_sealed_as_received_is_not_there_before_it_is_finished(house):
    vault = house.vault()
    with vault.start("document") as pending:
        pending.write(b"one ")
        pending.write(b"two")
        assert list(house.store.names()) == []
        record = pending.finish()
    assert house.read(vault, record) == b"one two"


def test_an_upload_broken_off_leaves_nothing(house):
    def broken_off():
        yield bytes(3 * SEGMENT)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        house.vault().put("document", broken_off())
    assert [p for p in house.folder.rglob("*") if p.is_file()] == []


def test_a_version_is_never_overwritten(house):
    vault = house.vault()
    first = vault.put("document", [b"first"])
    with pytest.raises(AlreadyExists):
        vault.put("document", [b"again"], object_id=first.object_id)
    second = vault.put("document", [b"second"], object_id=first.object_id, version=2)
    assert (house.read(vault, first), house.read(vault, second)) == (b"first", b"second")


def test_another_cases_vault_does_not_open_the_record(house):
    mine, theirs = house.vault(), house.vault()
    record = mine.put("document", [b"secret"])
    with pytest.raises(WrongKey):
        theirs.open(record, house.receipt(theirs, record))


def test_an_object_wrapped_again_opens_under_the_new_case_key_only(house):
    old = house.vault()
    next_key = house.keyring.new_case_key(house.area_key, house.area, old.case, version=2)
    new = house.keyring.case_vault(house.area_key, next_key, house.area, old.case)
    record = old.put("document", [b"kept"])
    moved = old.rewrap(record, house.receipt(old, record), new)
    assert house.read(new, moved) == house.read(old, record) == b"kept"
    for vault, row in ((old, moved), (new, record)):
        with pytest.raises(WrongKey):
            house.read(vault, row)
    with pytest.raises(WrongKey, match="its own case"):
        old.rewrap(record, house.receipt(old, record), house.vault())


def test_a_row_that_names_another_objects_bytes_is_refused(house):
    vault = house.vault()
    one, other = vault.put("document", [b"one"]), vault.put("document", [b"two"])
    with pytest.raises(Tampered):
        house.read(vault, dataclasses.replace(one, name=other.name))
    with pytest.raises(Tampered):
        house.read(vault, dataclasses.replace(one, size=2))


def test_discarded_bytes_are_gone_and_discarding_twice_is_no_error(house):
    vault = house.vault()
    record = vault.put("document", [b"gone soon"])
    vault.discard(record)
    vault.discard(record)
    with pytest.raises(NotFound):
        house.read(vault, record)


def test_a_check_without_keys_notices_a_changed_byte(house):
    vault = house.vault()
    record = vault.put("document", [b"checked"])
    vault.verify(record)
    path = house.path(record)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Tampered):
        vault.verify(record)


@pytest.mark.parametrize(
    "bad", [{"object_id": "../../x"}, {"version": 0}, {"version": True}, {"version": 10**9}]
)
def test_hostile_ids_and_versions_are_refused(house, bad):
    with pytest.raises(BadName):
        house.vault().start("document", **bad)


@pytest.mark.parametrize("kind", ["", "Document", "a/b", "x" * 33, "1st"])
def test_hostile_kinds_are_refused(house, kind):
    with pytest.raises(BadName):
        house.vault().start(kind)


def test_a_full_disk_refuses_and_leaves_nothing(house, monkeypatch):
    vault = house.vault()

    def no_room(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.write", no_room)
        with pytest.raises(Full):
            vault.put("document", [bytes(100)])
    assert [p for p in house.folder.rglob("*") if p.is_file()] == []
    assert house.read(vault, vault.put("document", [b"room again"])) == b"room again"


def test_a_disk_that_fills_in_the_middle_of_a_large_object_ends_it_for_good(house):
    pending = house.vault().start("document")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * SEGMENT + 5, hard))
    try:
        with pytest.raises(Full):
            pending.write(bytes(6 * SEGMENT))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(ValueError, match="could not be written"):
        pending.finish()
    pending.abort()
    assert [p for p in house.folder.rglob("*") if p.is_file()] == []


def test_a_process_killed_in_the_middle_leaves_nothing_but_what_is_swept(house):
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(house.folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout.readline() == b"written\n"
    child.kill()
    child.wait()
    child.stdout.close()
    assert list(house.store.names()) == []
    assert house.store.sweep(-60) == 1
    assert [p for p in house.folder.rglob("*") if p.is_file()] == []


KILLED = """
import sys, time
from pathlib import Path
from storage.names import new_id
from storage.receipts import ReceiptBook
from storage.stores import FolderStore
from storage.vault import CaseKeys, Vault
keys = CaseKeys(key=bytes(32), hub=new_id(), area=new_id(), case=new_id())
pending = Vault(keys, FolderStore(Path(sys.argv[1])), ReceiptBook()).start("document")
pending.write(bytes(3_000_000))
print("written", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("data", [b"", b"x", "Ålesund".encode(), bytes(100_000)])
def test_fields_and_blobs_come_back(house, data):
    vault, row = house.vault(), new_id()
    assert vault.open_field("title", row, vault.seal_field("title", row, data)) == data
    assert vault.open_blob("shard", row, 3, vault.seal_blob("shard", row, 3, data)) == data


def test_a_field_does_not_open_in_another_place(house):
    vault, other, row = house.vault(), house.vault(), new_id()
    sealed = vault.seal_field("title", row, b"A. Nominal")
    for where in ((vault, "alias", row), (vault, "title", new_id()), (other, "title", row)):
        with pytest.raises(Tampered):
            where[0].open_field(where[1], where[2], sealed)


def test_a_field_is_no_blob_and_an_older_blob_does_not_open(house):
    vault, row = house.vault(), new_id()
    blob = vault.seal_blob("shard", row, 1, b"words")
    with pytest.raises(Tampered):
        vault.open_blob("shard", row, 2, blob)
    with pytest.raises(Tampered):
        vault.open_field("shard", row, blob)


def test_neighbouring_names_do_not_run_together(house):
    vault = house.vault()
    with pytest.raises(Tampered):
        vault.open_field("a", "bc", vault.seal_field("ab", "c", b"x"))


@pytest.mark.parametrize("cut", [0, 1, 12, 13, 28])
def test_a_cut_field_is_refused(house, cut):
    vault = house.vault()
    with pytest.raises(Tampered):
        vault.open_field("title", "r", vault.seal_field("title", "r", b"name")[:cut])


def test_no_word_is_readable_in_the_folder(house):
    word = "Quillfeather-Vex"
    vault = house.vault()
    vault.put("document", [(word.encode() + b" ") * 70_000], object_id=new_id())
    vault.put("document", [word.encode("utf-16-le") * 9])
    everything = [str(p).encode() + (p.read_bytes() if p.is_file() else b"") for p in house.folder.rglob("*")]
    forms = [word.encode(), word.encode("utf-16-le"), base64.b64encode(word.encode())[:20]]
    forms.append(zlib.compress(word.encode())[2:-4])
    assert len(everything) > 2
    assert [form for form in forms for blob in everything if form in blob] == []
    modes = {(p.is_dir(), p.stat().st_mode & 0o777) for p in house.folder.rglob("*")}
    assert modes == {(True, 0o700), (False, 0o600)}
