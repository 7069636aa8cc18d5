"""What there is of keys in a repository: wrapped, apart from the rows, and never the root key."""

import base64
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.backup.wrappings import AREA, CASE, OWNERS
from hub.cases.model import Case
from hub.models import Base
from storage import keyfile
from storage import keys as keyring
from storage.keyfile import LocalKeyFile
from storage.wraps import unwrap
from tests.backup.conftest import ON_SQLITE, WORDS, contents, lines, silent
from tests.canary.scanner import Scanner, inflated


@pytest.fixture
def opened(monkeypatch):
    """Every key that is unwrapped from now on, as it is in memory."""
    found = set()

    def seen(cipher, wrapped, bound):
        plain = unwrap(cipher, wrapped, bound)
        found.add(plain)
        return plain

    monkeypatch.setattr(keyring, "unwrap", seen)
    monkeypatch.setattr(keyfile, "unwrap", seen)
    return found


def test_no_key_lies_in_a_repository_but_wrapped(full, opened):
    """The root key, and all keys that are opened where everything in the hub is: as they are, in hexadecimal, in base64."""
    full.hub.vaults._keyring = None
    assert contents(full.hub, full.world.area)
    roots = LocalKeyFile(full.world.config.home / "keys" / "root.json").roots().keys.values()
    assert len(opened) == 3, "the key of the area and those of two cases"
    full.create()
    told = [text for key in (*roots, *opened) for text in (key, key.hex().encode(), *exact(key))]
    for path in Path(full.url).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            for piece in (data, *inflated(data)):
                assert not any(text in piece for text in told), path


def exact(key):
    """Base64 at each alignment, without the letters that what stands beside it has a part in."""
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + key)
        yield whole[-(-shift * 8 // 6) : (shift + len(key)) * 8 // 6]


def test_no_word_and_no_wrapped_key_of_a_case_lies_in_a_snapshot(full):
    full.create()
    with full.hub.db.reading() as session:
        keys = [bytes(one) for one in session.scalars(select(Case.key_wrapped)) if one]
    scanner = Scanner(WORDS)
    looked = 0
    for path in Path(full.url).rglob("*"):
        if path.is_file():
            scanner.look(path.read_bytes(), str(path))
            looked += 1
    assert looked > 40
    assert scanner.found == []
    snapshots = b"".join(
        path.read_bytes() for path in (Path(full.url) / "snapshots").rglob("*") if path.is_file()
    )
    assert not any(key in snapshots for key in keys)
    for table in ("area", "case_"):
        [path] = (Path(full.url) / "snapshots").rglob(f"{table}.jsonl.gz")
        head, *rows = lines(path)
        at = [name for name, _ in head["columns"]].index("key_wrapped")
        assert rows
        assert all(len(row[at]) == 44 for row in rows), "a hash in base64, no wrapped key of 61 bytes"


@ON_SQLITE
def test_older_snapshots_open_under_a_new_root_key_once_the_old_is_retired(full, clean):
    full.create()
    before = contents(full.hub, full.world.area)
    path = full.world.config.home / "keys" / "root.json"
    newer = LocalKeyFile(path).add_version()
    [(_, told)] = full.hub.backup.rewrap()
    assert told.startswith("1 keys")
    newer.retire(1)
    machine = clean(full.world)
    machine.backup.restore(full.url, None, silent)
    assert contents(machine, full.world.area) == before


@ON_SQLITE
def test_a_root_key_retired_too_soon_is_told_of_in_the_list(full):
    full.create()
    LocalKeyFile(full.world.config.home / "keys" / "root.json").add_version().retire(1)
    [listed] = full.hub.backup.listed(full.url)
    assert "version 1 of the root key" in listed.opens


def test_every_column_that_wraps_a_key_is_kept_apart_or_known_to_be_no_case_key():
    """A new one must be decided on: in a snapshot it would outlive the shredding of its case."""
    in_snapshots = {("stored_object", "wrapped_key"), ("area_purpose_key", "wrapped")}
    found = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if "wrapped" in column.name
    }
    apart = {(table, column) for table, column in found if table in OWNERS and column.endswith("_wrapped")}
    assert found == apart | in_snapshots
    assert {table for table, _ in apart} == {AREA, CASE}
    for table, column in apart:
        assert column.replace("_wrapped", "_version") in Base.metadata.tables[table].c
