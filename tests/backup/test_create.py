"""Snapshots made while people work: whole or not there, incremental, and without a readable word."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.access.actor import program
from hub.backup import create as creating
from hub.documents.model import StoredObject
from hub.errors import Refused
from hub.ledger.events import CommandRun
from hub.models import Base
from storage.failpoints import Point
from tests.backup.conftest import ON_SQLITE, StoppedError, silent, stop_at


def objects(url):
    return {path: path.stat().st_mtime_ns for path in (Path(url) / "objects").rglob("*") if path.is_file()}


def test_objects_are_copied_once(full):
    first = full.create()
    assert first.copied == first.manifest.objects > 0
    before = objects(full.url)
    second = full.create()
    assert second.copied == 0
    assert objects(full.url) == before
    full.upload()
    assert full.create().copied == 1
    assert before.items() <= objects(full.url).items()


def test_what_is_made_is_on_record_before_it_is_there(full, monkeypatch):
    seen = []
    monkeypatch.setattr(
        creating.Repository,
        "publish",
        lambda *_: seen.append([json_fields(entry) for entry in full.world.events("backup.created")]),
    )
    made = full.create().manifest
    [[fields]] = seen
    assert fields["snapshot"] == made.snapshot
    assert fields["entries"] == made.entries
    assert full.repository.snapshots() == []


def json_fields(entry):
    import json

    return json.loads(entry.leaf)["fields"]


@ON_SQLITE
@pytest.mark.parametrize("point", [Point.BACKUP_DUMPED, Point.BACKUP_OBJECTS, Point.BACKUP_PUBLISHED])
def test_a_run_that_stops_leaves_whole_snapshots_only_and_the_next_one_tidies(full, monkeypatch, point):
    full.create()
    full.upload()
    with monkeypatch.context() as patched:
        stop_at(patched, creating, point)
        with pytest.raises(StoppedError):
            full.create()
    for snapshot in full.repository.snapshots():
        assert full.verify(snapshot=snapshot).checked.faults == ()
    full.create()
    whole = set(full.repository.snapshots())
    assert len(whole) == 2 + (point is Point.BACKUP_PUBLISHED)
    assert {name.split("/")[1] for name in full.repository.place.names("snapshots/")} == whole
    assert full.verify(deep=True).checked.faults == ()


def test_snapshots_are_consistent_while_four_people_upload(full):
    people = ("police", "probation", "coordinator", "excluded")
    for who in people:
        full.world.token(who)

    def work(who):
        return [
            full.desk.stage(b"%PDF-1.4 invented", f"{number}.pdf", who, full.world.case)
            for number in range(15)
        ]

    with ThreadPoolExecutor(len(people)) as pool:
        working = [pool.submit(work, who) for who in people]
        made = [full.create()]
        while not all(one.done() for one in working):
            made.append(full.create())
        sent = {staged for one in working for staged in one.result()}
    assert len(sent) == 60
    for one in (made[0], made[len(made) // 2], made[-1]):
        assert one.manifest.missing == ()
        assert full.verify(snapshot=one.manifest.snapshot, deep=True).checked.faults == ()
    last = full.create().manifest
    assert sent <= {row["id"] for row in full.repository.rows(last, "staged_file")}


def test_an_object_that_goes_while_its_rows_are_read_is_not_missed(full, monkeypatch):
    """Discarded by its owner between the moment of the rows and the copying: the moment is taken again."""
    gone, discard = [], full.desk.service.discard
    original = creating.dump

    def dump_then_discard(*args):
        if not gone:
            gone.append(full.desk.stage(b"%PDF-1.4 invented", "gone.pdf"))
        dumped = original(*args)
        if len(gone) == 1:
            discard(full.world.actor("police"), full.world.case, gone[0])
            gone.append("discarded")
        return dumped

    monkeypatch.setattr(creating, "dump", dump_then_discard)
    made = full.create().manifest
    assert gone[1:] == ["discarded"]
    assert made.missing == ()
    assert len(full.repository.snapshots()) == 1
    assert full.verify(deep=True).checked.faults == ()


@ON_SQLITE
def test_a_damaged_store_is_told_of_and_everything_else_is_kept(full, clean):
    name = next(full.hub.vaults.store.names())
    full.hub.vaults.store.delete(name)
    made = full.create().manifest
    assert made.missing == (name,)
    assert full.verify(deep=True).checked.faults == ()
    machine = clean(full.world)
    assert machine.backup.restore(full.url, None, silent).objects == made.objects > 0


@ON_SQLITE
def test_a_damaged_copy_is_mended_when_asked(full):
    full.create()
    name = next(full.repository.objects.names())
    path = next(path for path in objects(full.url) if path.name == name.split("/")[-1])
    path.write_bytes(b"x" + path.read_bytes()[1:])
    assert len(full.verify().checked.faults) == 1
    full.create()
    assert len(full.verify().checked.faults) == 1
    assert full.create(check=True).copied == 1
    assert full.verify().checked.faults == ()


@ON_SQLITE
def test_another_hubs_repository_is_refused(full, clean):
    from hub.commands import prepare

    full.create()
    machine = clean(None)
    prepare(machine.config, demo=False, progress=lambda _: None)
    with pytest.raises(Refused, match="another hub"):
        machine.backup.create(full.url, silent)


@ON_SQLITE
def test_two_at_once_on_one_home_are_refused(full):
    with full.hub.backup._alone(), pytest.raises(Refused, match="running"):
        full.create()


def test_tables_can_be_filled_one_after_the_other():
    """Rows go in table by table: no table may refer to itself or in a circle, and none counts its own rows."""
    ordered = [table.name for table in Base.metadata.sorted_tables]
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_keys:
            assert ordered.index(key.column.table.name) < ordered.index(table.name), key
        assert table.autoincrement_column is None or table.autoincrement_column.type.python_type is not int, (
            table
        )


def test_the_log_goes_on_during_a_snapshot(full, monkeypatch):
    """Entries written while the rows are read are not in them, and nobody waits."""
    original = creating.dump

    def dump_and_write(*args):
        dumped = original(*args)
        full.hub.db.record(program(full.world.area), CommandRun(command="area"))
        return dumped

    monkeypatch.setattr(creating, "dump", dump_and_write)
    made = full.create().manifest
    assert len(full.world.events()) == made.entries + 2
    assert full.verify(deep=True).checked.faults == ()
    with full.hub.db.reading() as session:
        assert session.scalars(select(StoredObject.id)).first()
