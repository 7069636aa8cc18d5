"""P12: after a case is shredded nothing of it is left to be opened, and the log still verifies."""

import hashlib
from pathlib import Path

import pytest
from moto import mock_aws
from sqlalchemy import LargeBinary, func, select, text
from sqlalchemy.engine import make_url

from hub.cases.model import Case
from hub.cases.service import Decision
from hub.db import Base
from hub.disposal.erasing import KEPT, sealed_tables
from hub.documents.model import DocumentVersion, StoredObject
from hub.errors import Gone
from hub.ledger.entries import case_link
from hub.ledger.model import LogCaseHead
from hub.ledger.service import verify
from hub.people.model import Area, HeldForm
from hub.proof.export import Exporter, Wanted
from hub.proof.outside import verify as outside
from hub.search.model import AskedSearch
from storage.errors import StorageError
from storage.keys import WrappedKey
from storage.stores import store_from_url
from storage.stores.memory import MemoryStore
from tests.disposal.conftest import NAME, WHY, binary_columns
from tests.documents.conftest import pdf

OF_NO_CASE = {
    "account.totp_sealed", "area.key_wrapped", "area.key_spare_wrapped", "area_purpose_key.wrapped",
    "asked_search.sealed_form", "held_form.sealed_fields", "log_case_head.head", "log_checkpoint.frontier",
    "log_entry.leaf_hash", "log_entry.sealed", "log_head.frontier", "log_signer.public_key", "log_signer.sealed_seed",
    "saved_search.sealed_form",
}  # fmt: skip
"""Forms and searches are removed whole, saved ones where they name the nominal; the rest is the area's own, or the log's."""
COUNTED = {"case_", "case_agency", "case_change", "document", "document_version", "meeting"}


def test_every_binary_column_is_emptied_or_kept_for_a_reason(world):
    emptied = {
        f"{table.name}.{column.name}"
        for table, _ in sealed_tables(world.case)
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    kept = {name for name in binary_columns() if name.split(".")[0] in KEPT}
    assert binary_columns() - emptied - kept == OF_NO_CASE
    assert "case_.key_wrapped" in emptied
    assert "case_.key_spare_wrapped" in emptied


# --- nothing is left -------------------------------------------------------------------------


def test_nothing_sealed_stays_in_any_row_and_what_was_received_is_gone(world, registry):
    registry.ready()
    assert len(registry.sealed()) > 20
    registry.shred()
    assert registry.sealed() == []
    with world.hub.db.reading() as session:
        assert session.scalars(select(HeldForm)).all() == []
        assert session.scalars(select(AskedSearch)).all() == []
        versions = session.scalars(select(DocumentVersion)).all()
        assert {version.text_state for version in versions} == {"ready"}
        case = session.get_one(Case, world.case)
        assert case.reference.startswith("FEN-2026-")
        assert case.destroyed_at is not None


def test_no_wrapped_key_is_anywhere_in_the_files_of_the_database_or_the_home(world, registry, request):
    registry.ready()
    keys, objects = registry.keys(), _objects(world, registry)
    assert len(keys) >= 6
    before = _everything(world, request)
    assert all(_in(before, key) for key in keys), "the scan must be able to find them"
    registry.shred()
    after = _everything(world, request)
    assert [key for key in keys if _in(after, key)] == []
    assert [name for name, data in objects.items() if _in(after, data[40:104])] == []


def test_not_even_what_split_pages_left_is_in_the_files(world, registry, request):
    """Rows rewritten many times, so that a database has copies in places that it no longer counts as its own."""
    registry.fill()
    for number in range(30):
        with world.hub.db.work() as work:
            row = work.session.get_one(Case, world.case)
            row.sealed_nominal = world.hub.vaults.of(work.session, row).seal_field(
                "nominal", row.id, b'{"name": "%s"}' % (b"x" * 211 * number)
            )
            work.commit()
        if number % 5 == 0:
            world.make_case()
    registry.world.hub.cases.correct_nominal(
        world.actor("coordinator"),
        world.case,
        _nominal(),
        Decision(reason="Set right again.", seen=registry.seen()),
    )
    registry.close()
    registry.ask()
    registry.approve()
    keys = registry.keys()
    registry.shred()
    after = _everything(world, request)
    assert [key for key in keys if _in(after, key)] == []


def _nominal():
    from hub.cases.sealed import Nominal

    return Nominal(name=NAME)


def _objects(world, registry):
    found = {}
    for name in registry.names():
        stored = world.hub.vaults.store.open(name)
        found[name] = stored.read()
        stored.close()
    return found


def _everything(world, request):
    """Every byte of the home, and of the database's own files, its log of changes apart."""
    home = world.config.home
    found = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    if world.hub.db.engine.dialect.name == "postgresql":
        found += _server_files(world, request.getfixturevalue("postgres"))
    return found


def _server_files(world, server):
    with world.hub.db.engine.connect() as connection:
        connection.execute(text("CHECKPOINT"))
        name = make_url(str(world.hub.db.engine.url)).database
        oid = connection.scalar(text("SELECT oid FROM pg_database WHERE datname = :name"), {"name": name})
    folder = Path(server.folder) / "data" / "base" / str(oid)
    return [path.read_bytes() for path in folder.iterdir() if path.is_file()]


def _in(files, needle):
    return any(needle in data for data in files)


def test_with_the_root_key_in_hand_no_value_of_any_row_opens_the_case(world, registry):
    registry.ready()
    assert _case_keys_found(world) == 1
    registry.shred()
    assert _case_keys_found(world) == 0


def _case_keys_found(world):
    """How many values of all rows unwrap, under the area's key, as the key of the case."""
    found = 0
    with world.hub.db.reading() as session:
        ring = world.hub.vaults.keyring(session)
        area = session.get_one(Area, world.area)
        wrapped_area = WrappedKey(version=area.key_version, data=area.key_wrapped)
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                for value in row:
                    found += isinstance(value, bytes) and _opens(ring, wrapped_area, value, world)
    return found


def _opens(ring, area, value, world):
    for version in (1, 2, 3):
        try:
            ring.case_vault(area, WrappedKey(version=version, data=value), world.area, world.case)
        except StorageError:
            continue
        return True
    return False


def test_what_somebody_kept_of_rows_and_objects_does_not_open_either(world, registry):
    """Copies taken before, put back after: without the case's key they stay shut."""
    registry.ready()
    with world.hub.db.reading() as session:
        rows = session.scalars(select(StoredObject).where(StoredObject.case_id == world.case)).all()
        kept = {row.id: row.wrapped_key for row in rows}
    registry.shred()
    with world.hub.db.work() as work:
        for row in work.session.scalars(select(StoredObject).where(StoredObject.case_id == world.case)):
            row.wrapped_key = kept[row.id]
        work.commit()
    with world.hub.db.reading() as session, pytest.raises(Gone):
        world.hub.vaults.of(session, session.get_one(Case, world.case))


@pytest.mark.parametrize("kind", ["memory", "s3"])
def test_its_objects_are_gone_from_every_kind_of_store(world, registry, kind, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "fictional")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    with mock_aws():
        world.hub.vaults.store = MemoryStore() if kind == "memory" else _bucket(world)
        world.hub.vaults._keyring = None
        registry.ready()
        assert len(registry.names()) >= 5
        registry.shred()
        assert registry.names() == []


def _bucket(world):
    import boto3

    boto3.client("s3").create_bucket(
        Bucket="fenmarch", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    return store_from_url("s3://fenmarch/hub", world.config.home)


def test_the_objects_of_other_cases_stay(world, registry):
    other = world.make_case(name="Another Fable")
    registry.desk.prepared(pdf("Another paper"), case=other)
    registry.ready()
    before, sealed = registry.names(other), registry.sealed(other)
    registry.shred()
    assert registry.names() == []
    assert registry.names(other) == before != []
    assert registry.sealed(other) == sealed
    assert NAME.encode() not in world.client("police").get(f"/cases/{other}").data


# --- the log, and the certificate ------------------------------------------------------------


def test_the_log_still_verifies_and_says_what_was_destroyed(world, registry):
    registry.ready()
    wrapped = registry.keys()[0]
    certificate = registry.shred()
    with world.hub.db.reading() as session:
        assert verify(session, world.area) is None
    (shredded,) = [_fields(entry) for entry in world.events("case.shredded")]
    assert shredded["key"] == hashlib.sha256(wrapped).hexdigest()
    assert (shredded["documents"], shredded["objects"]) == (2, 5)
    assert world.events("case.shredded")[0].operation == "erasure"
    (certified,) = [_fields(entry) for entry in world.events("disposal.certified")]
    assert certified["sha256"] == hashlib.sha256(certificate.pdf).hexdigest()
    assert certified["text_sha256"] == hashlib.sha256(certificate.text.encode()).hexdigest()
    told = "".join(entry.leaf for entry in world.events())
    assert WHY not in told
    assert NAME not in told


def test_rows_counts_and_the_cases_head_stay_and_the_log_proves_it_to_others(world, registry, tmp_path):
    registry.ready()
    tables = [table for table in Base.metadata.sorted_tables if table.name in COUNTED]
    before, head = _counted(world, tables), _head(world)
    registry.shred()
    assert _counted(world, tables) == before
    later = [entry for entry in world.events() if entry.case_id == world.case][head[0] :]
    assert _head(world) == (head[0] + len(later), _after(head, later))
    assert {"case.shredded", "disposal.certified"} <= {entry.event for entry in later}
    exporter = Exporter(world.hub.db, world.clock, world.hub.vaults.open_log, world.hub.checkpoints)
    for case in (None, world.case):
        folder = tmp_path / str(case)
        exporter.to_folder(world.actor("governance"), Wanted(area=world.area, case=case), folder)
        said = []
        assert outside.main([str(folder)], said.append) == 0, said


def _counted(world, tables):
    with world.hub.db.reading() as session:
        return {table.name: session.scalar(select(func.count()).select_from(table)) for table in tables}


def _head(world):
    with world.hub.db.reading() as session:
        row = session.get_one(LogCaseHead, world.case)
        return row.sequence, row.head


def _after(head, entries):
    _, grown = head
    for entry in entries:
        grown = case_link(grown, entry.leaf_hash)
    return grown


def _fields(entry):
    import json

    return json.loads(entry.leaf)["fields"]


def test_files_of_others_are_not_touched(world, registry):
    registry.ready()
    key_file = world.config.home / "keys" / "root.json"
    before = key_file.read_bytes(), key_file.stat().st_ino
    registry.shred()
    assert (key_file.read_bytes(), key_file.stat().st_ino) == before
