"""From one machine to another: everything is there, whatever the database, and what was shredded is not."""

import pytest
from sqlalchemy import func, select, text

from hub.access.actor import program
from hub.backup import restore as restoring
from hub.backup.repository import Repository
from hub.cases.model import Case
from hub.documents.model import DocumentVersion
from hub.engine import make_engine
from hub.errors import Refused
from hub.ledger.model import LogEntry
from hub.ledger.service import verify
from hub.people.model import SignedInSession
from storage.errors import NotFound, Tampered, WrongKey
from storage.failpoints import Point
from tests.backup.conftest import ON_SQLITE, WORDS, StoppedError, contents, root, silent, stop_at
from tests.world import open_world


@pytest.mark.parametrize("target", ["sqlite", "postgresql"])
def test_a_clean_machine_becomes_the_hub_again(full, clean, target):
    made = full.create().manifest
    before = contents(full.hub, full.world.area)
    machine = clean(full.world, target)
    restored = machine.backup.restore(full.url, None, silent)
    assert contents(machine, full.world.area) == before
    assert len(before) >= 4
    assert restored.shredded == ()
    assert restored.objects == made.objects == len(before)
    [state] = made.areas
    assert root(machine, full.world.area, state.entries) == state.root
    assert root(full.hub, full.world.area, state.entries) == state.root
    with machine.db.reading() as session:
        assert verify(session, full.world.area) is None
        last = session.scalars(
            select(LogEntry).where(LogEntry.event == "backup.restored").order_by(LogEntry.sequence)
        ).all()
        assert len(last) == 1
        assert last[0].sequence == state.entries + 1
    assert not (machine.config.home / restoring.MARK).exists()


def test_people_sign_in_anew_and_find_their_documents_by_search(full, clean):
    full.world.token("police")
    full.create()
    machine = clean(full.world)
    machine.backup.restore(full.url, None, silent)
    with machine.db.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignedInSession)) == 0
    ids = full.world.config.home / "ids.json"
    (machine.config.home / "ids.json").write_text(ids.read_text())
    again = open_world(machine.config.home)
    try:
        found = again.post(again.client("police"), "/search", {"q": WORDS[0]}, follow_redirects=True)
        assert WORDS[1] in found.text
    finally:
        again.hub.documents.close()
        again.hub.db.engine.dispose()


def test_every_table_has_the_same_rows(full, clean):
    made = full.create().manifest
    machine = clean(full.world, "postgresql")
    machine.backup.restore(full.url, None, silent)
    there = Repository.open(full.url)
    again = machine.backup
    machine.backup.create(str(machine.config.home / "second"), silent)
    second = Repository.open(str(machine.config.home / "second"))
    manifest = second.manifest(second.newest())
    for told in made.tables:
        if told.name in ("log_entry", "log_head", "backup_repository"):
            continue
        assert list(second.rows(manifest, told.name)) == list(there.rows(made, told.name)), told.name
    assert again.listed(full.url)[0].opens is None


def test_a_case_shredded_since_stays_shredded(full, clean):
    full.create()
    before = contents(full.hub, full.world.area)
    full.erase(full.other)
    assert [copy.forgotten for copy in full.hub.shredding._backups.forget_case(full.other)] == [True]
    machine = clean(full.world)
    restored = machine.backup.restore(full.url, None, silent)
    assert restored.shredded == (full.other,)
    after = contents(machine, full.world.area)
    assert after
    assert set(after) < set(before)
    assert all(before[one] == after[one] for one in after)
    with machine.db.reading() as session:
        row = session.get_one(Case, full.other)
        assert row.key_wrapped is None
        assert row.destroyed_at is not None
        assert row.sealed_nominal == b""
    machine.backup.create(str(machine.config.home / "elsewhere"), silent)
    assert not machine.backup.verify(full.url, None, silent).checked.faults


@ON_SQLITE
def test_nothing_is_written_where_the_key_is_missing_or_another(full, clean):
    full.create()
    bare, wrong = clean(None), clean(None)
    with pytest.raises(NotFound, match="no key file"):
        bare.backup.restore(full.url, None, silent)
    from storage.keys import key_provider_from_url

    key_provider_from_url("", wrong.config.home, create=True)
    with pytest.raises(WrongKey, match="version 1 of the root key"):
        wrong.backup.restore(full.url, None, silent)
    for hub in (bare, wrong):
        assert list(hub.vaults.store.names()) == []
        assert not hub.backup.installed()
        assert not (hub.config.home / restoring.MARK).exists()


@ON_SQLITE
def test_a_hub_with_anything_in_it_is_not_overwritten(full, clean):
    full.create()
    with pytest.raises(Refused, match="not empty"):
        full.hub.backup.restore(full.url, None, silent)
    machine = clean(full.world)
    name = next(full.hub.vaults.store.names())
    writer = machine.vaults.store.create(name[:-28] + "a" * 26 + ".1")
    writer.write(b"of another hub")
    writer.commit()
    with pytest.raises(Refused, match="objects that are not of this snapshot"):
        machine.backup.restore(full.url, None, silent)


@ON_SQLITE
@pytest.mark.parametrize("point", [Point.RESTORE_OBJECTS, Point.RESTORE_FILLED])
def test_an_interrupted_restore_is_taken_up_again_and_nothing_starts_meanwhile(
    full, clean, monkeypatch, point
):
    from config import ConfigError
    from hub.commands import prepare

    full.create()
    before = contents(full.hub, full.world.area)
    machine = clean(full.world)
    with monkeypatch.context() as patched:
        stop_at(patched, restoring, point)
        with pytest.raises(StoppedError):
            machine.backup.restore(full.url, None, silent)
    with pytest.raises(ConfigError, match="restore"):
        prepare(machine.config, demo=False, progress=lambda _: None)
    again = machine.backup.restore(full.url, None, silent)
    assert again.objects == len(before)
    assert contents(machine, full.world.area) == before


@ON_SQLITE
def test_rows_that_fail_half_way_leave_an_empty_database(full, clean):
    made = full.create().manifest
    path = full.repository.table_path(made.snapshot, "document_version")
    place = full.repository.place
    data = b"".join(place.chunks(path))
    place.write(path, [data[:-9]], replace=True)
    machine = clean(full.world)
    with pytest.raises(Tampered):
        machine.backup.restore(full.url, None, silent)
    assert not machine.backup.installed()
    place.write(path, [data], replace=True)
    machine.backup.restore(full.url, None, silent)
    assert contents(machine, full.world.area)


def test_a_snapshot_of_the_first_revision_is_brought_forward(clean, tmp_path):
    """Written by this program from a home of that revision, which it would not serve before migrating."""
    import json

    from hub.backup.create import Creating
    from hub.backup.keys import Keys
    from hub.clock import system_clock
    from hub.people.model import Installation
    from storage.keys import key_provider_from_url
    from storage.stores import store_from_url
    from tests.old_home import make_old_home

    old = tmp_path / "old"
    old.mkdir(mode=0o700)
    engine = make_engine(f"sqlite:///{old / 'hub.sqlite'}")
    make_old_home(old, engine)
    with engine.connect() as connection:
        hub = connection.scalars(select(Installation.id)).one()
    repository = Repository.open_or_make(str(tmp_path / "backups"), hub)
    keys = Keys(repository, key_provider_from_url("", old))
    run = Creating(engine, store_from_url("", old), repository, silent)
    manifest = run.snapshot(system_clock(), keys.seal, check=False).manifest
    repository.publish(manifest)
    engine.dispose()
    assert manifest.revision == "0001"
    assert manifest.missing == ()

    machine = clean(None, "postgresql", HUB_KEYS_URL=f"file:{old / 'keys' / 'root.json'}")
    machine.backup.restore(str(tmp_path / "backups"), None, silent)
    area = json.loads((old / "ids.json").read_text())["area"]
    with machine.db.reading() as session:
        assert verify(session, area) is None
        versions = session.scalar(select(func.count()).select_from(DocumentVersion))
    assert versions
    assert contents(machine, area)


@ON_SQLITE
def test_a_snapshot_of_a_newer_program_is_refused(full, clean):
    from dataclasses import replace

    from hub.backup.keys import Keys

    made = full.create().manifest
    newer = replace(made, revision="9999", snapshot="20990101T000000Z-1")
    keys = Keys(full.repository, full.hub.vaults.provider())
    full.repository.publish(keys.seal(newer))
    with pytest.raises(Refused, match="newer version"):
        clean(full.world).backup.restore(full.url, "20990101T000000Z-1", silent)


def test_the_restored_hub_goes_on_and_its_own_snapshots_are_beside_the_others(full, clean):
    full.create()
    machine = clean(full.world)
    machine.backup.restore(full.url, None, silent)
    machine.db.record(program(full.world.area), _command())
    machine.backup.create(full.url, silent)
    full.upload()
    full.create()
    assert [one.opens for one in machine.backup.listed(full.url)] == [None] * 3
    for snapshot in full.repository.snapshots():
        assert full.verify(snapshot=snapshot).checked.faults == ()
    with machine.db.reading() as session:
        assert session.execute(text("SELECT count(*) FROM backup_repository")).scalar() == 1


def _command():
    from hub.ledger.events import CommandRun

    return CommandRun(command="area")


@ON_SQLITE
def test_a_log_that_is_not_the_one_its_manifest_tells_of_is_refused(full, clean):
    """Sealed by who has the keys, and still not so: rows that somebody else's program wrote."""
    from dataclasses import replace

    from hub.backup.keys import Keys

    made = full.create().manifest
    [state] = made.areas
    other_log = replace(made, areas=(replace(state, root="0" * 64),))
    sealed = Keys(full.repository, full.hub.vaults.provider()).seal(other_log)
    full.repository.place.write(f"snapshots/{made.snapshot}/manifest.json", [sealed.as_text()], replace=True)
    machine = clean(full.world)
    with pytest.raises(Tampered, match="not the one that its manifest tells of"):
        machine.backup.restore(full.url, None, silent)
    assert not machine.backup.installed()
