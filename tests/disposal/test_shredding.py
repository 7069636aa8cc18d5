"""P12: after a case is shredded nothing of it is left to be opened, and the log still verifies."""

import hashlib
import io
from pathlib import Path

import pytest
from moto import mock_aws
from sqlalchemy import LargeBinary, select, text
from sqlalchemy.engine import make_url

from hub.cases.model import Case
from hub.cases.service import Decision
from hub.db import Base
from hub.disposal.erasing import KEPT, sealed_tables
from hub.disposal.model import Disposal, DisposalRequest
from hub.disposal.rules import Step
from hub.documents.deliver import Cut, Wanted
from hub.documents.model import DocumentVersion, StoredObject
from hub.errors import Gone, Refused
from hub.ledger.service import verify
from hub.people.model import AccountState, Area, HeldForm
from hub.search.model import AskedSearch
from hub.search.service import Request
from storage import failpoints
from storage.errors import StorageError
from storage.failpoints import Point
from storage.keys import WrappedKey
from storage.stores import store_from_url
from storage.stores.memory import MemoryStore
from tests.disposal.conftest import NAME, WHY, WORD, binary_columns
from tests.documents.conftest import pdf

OF_NO_CASE = {
    "account.totp_sealed", "area.key_wrapped", "area.key_spare_wrapped", "area_purpose_key.wrapped",
    "asked_search.sealed_form", "held_form.sealed_fields", "log_case_head.head", "log_checkpoint.frontier",
    "log_entry.leaf_hash", "log_entry.sealed", "log_head.frontier", "log_signer.public_key", "log_signer.sealed_seed",
    "saved_search.sealed_form",
}  # fmt: skip
"""Forms and searches are removed whole, saved ones where they name the nominal; the rest is the area's own, or the log's."""
STEPS = [
    Point.SHRED_EMPTIED, Point.SHRED_KEYS_GONE, Point.SHRED_OBJECT_GONE, Point.SHRED_OBJECTS_GONE, Point.SHRED_BACKUPS_GONE,
    Point.SHRED_DATABASE_CLEAN, Point.SHRED_CERTIFIED,
]  # fmt: skip


class Killed(BaseException):
    """As a process that is gone: nothing catches it."""


@pytest.fixture
def at_point(monkeypatch):
    """`at_point(point, do)`: do this when the failpoint is passed, once."""

    def arm(point, do):
        left = [do]

        def passed(met):
            if met is point and left:
                left.pop()()

        failpoints.watch(passed)

    yield arm
    monkeypatch.setattr(failpoints, "_armed", None)


def kill():
    raise Killed


def test_every_binary_column_is_emptied_or_kept_for_a_reason(world):
    emptied = {
        f"{table.name}.{column.name}"
        for table, _ in sealed_tables(world.case)
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    kept = {name for name in binary_columns() if name.split(".")[0] in KEPT}
    rest = {name for name in binary_columns() - emptied - kept if not name.startswith("review")}
    assert rest == OF_NO_CASE
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
        Decision(reason="Set right again.", seen=_seen(world)),
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


def _seen(world):
    with world.hub.db.reading() as session:
        return session.get_one(Case, world.case).row_version


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


def _fields(entry):
    import json

    return json.loads(entry.leaf)["fields"]


# --- stopped half way ------------------------------------------------------------------------


@pytest.mark.parametrize("point", STEPS)
def test_killed_at_any_step_it_is_before_or_after_and_the_same_command_goes_on(
    world, registry, at_point, point
):
    registry.ready()
    at_point(point, kill)
    with pytest.raises(Killed):
        registry.shred()
    with world.hub.db.reading() as session:
        begun = session.get(Disposal, world.case) is not None
        assert (session.get_one(Case, world.case).key_wrapped is None) == begun
        assert verify(session, world.area) is None
    assert begun == (point is not Point.SHRED_EMPTIED)
    assert (registry.sealed() == []) == begun
    certificate = registry.shred()
    assert registry.names() == []
    assert len(world.events("case.shredded")) == len(world.events("disposal.certified")) == 1
    assert registry.shredding.find(world.case).step is Step.DONE
    assert registry.shred().pdf == certificate.pdf
    assert registry.shredding.certificate(world.case).text == certificate.text


def test_a_step_that_fails_says_so_and_what_was_done_stays_done(world, registry, monkeypatch):
    registry.ready()

    def fails(_name):
        raise StorageError("The store does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(world.hub.vaults.store, "delete", fails)
        with pytest.raises(StorageError):
            registry.shred()
    assert registry.sealed() == []
    assert registry.names() != []
    assert world.client("police").get(f"/cases/{world.case}").status_code == 410
    registry.shred()
    assert registry.names() == []


# --- others at the same time -----------------------------------------------------------------


def test_a_download_under_way_is_cut(world, registry):
    text_file = io.BytesIO(b"An invented line of text.\n" * 60_000)
    service, who = world.hub.documents, world.actor("police")
    staged = service.receive(who, world.case, "long.txt", text_file)
    line = service.upload(who, world.case, registry.desk.details(), [staged.id], "b" * 26)[0]
    registry.ready()
    service.give_reason(who, line.document, "casework")
    body = service.original(who, Wanted(document=line.document, version=1), lambda: True).body
    delivered = len(next(body))
    registry.shred()
    body._asked -= 2
    with pytest.raises(Cut):
        next(body)
    assert 0 < delivered < text_file.getbuffer().nbytes
    assert world.events("document.download_ended")[-1].leaf.count("no longer allowed") == 1


def test_a_request_while_it_is_destroyed_gets_nothing(world, registry, at_point):
    registry.ready()
    client, stranger, seen = world.client("police"), world.client("outsider"), {}
    assert client.get(f"/cases/{world.case}").status_code == 200

    def look():
        seen["case"] = client.get(f"/cases/{world.case}").status_code
        seen["document"] = client.get(f"/documents/{registry.documents[0]}").status_code
        seen["stranger"] = stranger.get(f"/cases/{world.case}").status_code

    at_point(Point.SHRED_KEYS_GONE, look)
    registry.shred()
    assert seen == {"case": 410, "document": 410, "stranger": 404}


def test_what_another_process_kept_in_memory_goes_with_its_next_sweep(world, registry):
    registry.ready()
    who, search, other = world.actor("police"), world.hub.search, world.hub.shredding
    assert search.search(who, Request(text=WORD)).total == 2
    other.forget_destroyed()
    assert search._kept.nbytes > 0
    with world.hub.db.work() as work:
        request = work.session.scalars(select(DisposalRequest)).one()
        work.session.add(
            Disposal(
                case_id=world.case,
                request_id=request.id,
                step=Step.KEYS,
                began_at=world.clock(),
                objects=0,
                bytes=0,
                found="{}",
            )
        )
        work.commit()
    other.forget_destroyed()
    assert search._kept.nbytes == 0


def test_a_version_that_is_being_prepared_is_not_brought_back(world, registry):
    line = registry.desk.upload(pdf(f"{WORD} late"), "late.pdf", title="Late")
    service = world.hub.documents
    task = service._opened(line.document, 1)
    registry.close()
    registry.ask()
    registry.approve()
    registry.shred()
    outcome = service._examined(task) if registry.names() else None
    assert outcome is None
    assert service.prepare(line.document, 1) is None
    assert service.waiting() == []


# --- what stands against it ------------------------------------------------------------------


def test_without_a_request_or_an_approval_nothing_is_destroyed(world, registry):
    registry.fill()
    registry.close()
    target = registry.shredding.find(world.case)
    with pytest.raises(Refused, match="coordinator must ask"):
        registry.shredding.require_ready(target)
    registry.ask()
    for refused in (registry.shredding.require_ready, registry.shredding.shred):
        with pytest.raises(Refused, match="nobody of information governance has approved"):
            refused(target)
    assert registry.refusals()[-2:] == ["forbidden: not approved"] * 2
    assert len(registry.sealed()) > 20


def test_a_hold_set_after_the_approval_keeps_the_case(world, registry):
    registry.ready()
    hold = registry.hold()
    with pytest.raises(Refused, match="legal hold"):
        registry.shred()
    assert registry.refusals()[-1] == "forbidden: legal hold"
    assert registry.names() != []
    registry.service.lift_hold(world.actor("governance"), world.case, hold, "The court is done with it.")
    registry.shred()


def test_a_hold_set_in_the_last_moment_wins_or_comes_too_late(world, registry, at_point):
    """It is asked again inside the transaction that destroys, whatever was so a moment before."""
    registry.ready()
    target = registry.shredding.find(world.case)
    registry.shredding.require_ready(target)
    registry.hold()
    with pytest.raises(Refused, match="legal hold"):
        registry.shredding.shred(target)


def test_a_case_opened_again_after_the_approval_is_kept(world, registry):
    registry.ready()
    world.hub.cases.reopen(
        world.actor("coordinator"), world.case, Decision(reason="The person is back.", seen=_seen(world))
    )
    with pytest.raises(Refused, match="This case is open"):
        registry.shred()
    assert registry.refusals()[-1] == "forbidden: case open"


def test_the_approval_of_an_account_suspended_since_counts_no_more(world, registry):
    registry.ready()
    with world.hub.db.work() as work:
        from hub.people.model import Account

        work.session.get_one(Account, world.people["governance"]).state = AccountState.SUSPENDED
        work.commit()
    with pytest.raises(Refused, match="suspended"):
        registry.shred()


def test_after_thirty_days_it_must_be_asked_for_again(world, registry):
    registry.ready()
    world.clock.forward(days=31)
    with pytest.raises(Refused, match="No request stands"):
        registry.shred()


def test_files_of_others_are_not_touched(world, registry):
    registry.ready()
    key_file = world.config.home / "keys" / "root.json"
    before = key_file.read_bytes(), key_file.stat().st_ino
    registry.shred()
    assert (key_file.read_bytes(), key_file.stat().st_ino) == before
