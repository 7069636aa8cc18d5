"""A shredded case is in no snapshot any more, and never comes back; what no kept snapshot names goes with the older ones."""

from pathlib import Path

from sqlalchemy import update

from hub.backup import create as creating
from hub.backup.prune import prune
from hub.backup.wrappings import CASE
from hub.cases.model import Case
from tests.backup.conftest import ON_SQLITE


def test_a_shredded_case_is_in_no_snapshot_and_never_comes_back(full):
    full.create()
    full.erase(full.other)
    full.hub.shredding._backups.forget_case(full.other)
    assert not list((Path(full.url) / "keys" / CASE / full.other).glob("*"))
    full.create()
    for snapshot in full.repository.snapshots():
        assert full.verify(snapshot=snapshot, deep=True).checked.faults == ()
    assert not list((Path(full.url) / "keys" / CASE / full.other).glob("*"))


def test_a_case_shredded_while_a_snapshot_is_made_is_not_in_it(full, monkeypatch):
    original = creating.dump

    def dump_then_shred(*args):
        dumped = original(*args)
        if full.other not in full.repository.forgotten():
            full.erase(full.other)
            full.repository.forget(full.other, full.world.clock())
        return dumped

    monkeypatch.setattr(creating, "dump", dump_then_shred)
    full.create()
    assert not list((Path(full.url) / "keys" / CASE / full.other).glob("*"))
    assert full.verify(deep=True).checked.faults == ()


@ON_SQLITE
def test_a_repository_that_was_out_of_reach_is_caught_up_with(full):
    full.create()
    away = Path(full.url).rename(f"{full.url}-away")
    full.erase(full.other)
    [told] = full.hub.shredding._backups.forget_case(full.other)
    assert not told.forgotten
    away.rename(full.url)
    assert list((Path(full.url) / "keys" / CASE / full.other).glob("*"))
    full.create()
    assert not list((Path(full.url) / "keys" / CASE / full.other).glob("*"))


def test_a_key_column_emptied_without_a_word_in_the_log_takes_no_backup_with_it(full):
    full.create()
    with full.hub.db.work() as work:
        work.session.execute(update(Case).where(Case.id == full.other).values(key_wrapped=None))
        work.commit()
    full.create()
    full.hub.backup.prune(full.url, 2)
    assert list((Path(full.url) / "keys" / CASE / full.other).glob("*"))


@ON_SQLITE
def test_pruning_removes_what_no_kept_snapshot_names_and_never_the_last(full):
    full.create()
    staged = full.desk.stage(b"%PDF-1.4 invented", "gone.pdf")
    full.create()
    full.desk.service.discard(full.world.actor("police"), full.world.case, staged)
    newest = full.create().manifest
    pruned = full.hub.backup.prune(full.url, 1)
    assert (pruned.snapshots, pruned.objects) == (2, 1)
    assert full.repository.snapshots() == [newest.snapshot]
    assert full.verify(deep=True).checked.faults == ()
    assert prune(full.repository, 0).snapshots == 0
    assert full.repository.snapshots() == [newest.snapshot]


@ON_SQLITE
def test_pruning_after_a_shredding_removes_the_case_altogether(full):
    full.create()
    full.erase(full.other)
    full.hub.shredding._backups.forget_case(full.other)
    full.create()
    assert list(full.repository.objects.names(f"{full.world.area}/{full.other}/"))
    full.hub.backup.prune(full.url, 2)
    assert not list(full.repository.objects.names(f"{full.world.area}/{full.other}/"))
    for snapshot in full.repository.snapshots():
        assert full.verify(snapshot=snapshot).checked.faults == ()
