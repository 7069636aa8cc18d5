"""`vault check`: each kind of damage is found and named by id, nothing whole is named, and repair removes no row's object."""

import json
import os
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from hub.commands.registry import main
from hub.documents.model import DocumentVersion, StagedFile, StoredObject
from hub.integrity.findings import Depth, Fault
from hub.integrity.orphans import LEFT_BEHIND, Orphans
from hub.integrity.repair import index_again
from hub.integrity.service import Check
from hub.search.model import CaseShard
from tests.documents.conftest import WORD, Desk, desk, docx, one_reader  # noqa: F401 - fixtures


@pytest.fixture
def home(desk):  # noqa: F811
    desk.document = desk.prepared(docx(), "report.docx")
    desk.staged = desk.stage(b"received and not yet filed", "waiting.txt")
    return desk


def check(world, depth=Depth.SHALLOW):
    looked = []
    made = Check(
        world.hub.db, world.hub.vaults, depth=depth, progress=lambda done, of: looked.append((done, of))
    )
    found = list(made.findings())
    assert looked[-1][0] == looked[-1][1] == made.counts.objects
    return [(one.fault, one.what) for one in found], made.counts


def rows(world, kind=None):
    with world.hub.db.reading() as session:
        return [row for row in session.scalars(select(StoredObject)) if kind in (None, row.kind)]


def path_of(world, row):
    area, case, last = row.name.split("/")
    return world.config.home / "objects" / area / case / last[:2] / last


def change(world, *statements):
    with world.hub.db.work() as work:
        for statement in statements:
            work.session.execute(statement)
        work.commit()


@pytest.mark.parametrize("depth", list(Depth))
def test_what_is_whole_has_no_findings(home, depth):
    found, counts = check(home.world, depth)
    assert found == []
    assert (counts.objects, counts.cases, counts.staged, counts.shards) == (4, 1, 1, 1)
    assert list(orphans(home.world).look(repair=False)) == []


def test_a_deep_check_is_on_record_before_it_opens_anything(home):
    check(home.world, Depth.DEEP)
    (entry,) = home.world.events("vault.checked")
    assert set(json.loads(entry.leaf)["fields"]["objects"]) == {row.id for row in rows(home.world)}
    assert entry.case_id == home.world.case


@pytest.mark.parametrize("depth", [Depth.SHALLOW, Depth.DEEP])
def test_an_object_that_was_changed_is_found(home, depth):
    row = rows(home.world, "original")[0]
    path = path_of(home.world, row)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert check(home.world, depth)[0] == [(Fault.ALTERED, row.id)]
    assert check(home.world, Depth.QUICK)[0] == []


def test_an_object_that_is_gone_or_cut_is_found(home):
    first, second = rows(home.world, "original")
    path_of(home.world, first).unlink()
    os.truncate(path_of(home.world, second), 60)
    found, _ = check(home.world, Depth.QUICK)
    assert sorted(found) == sorted([(Fault.MISSING, first.id), (Fault.WRONG_SIZE, second.id)])


def test_a_wrapped_key_that_does_not_open_is_found(home):
    row = rows(home.world, "text")[0]
    change(
        home.world,
        update(StoredObject).where(StoredObject.id == row.id).values(wrapped_key=bytes([1]) + bytes(60)),
    )
    assert check(home.world, Depth.QUICK)[0] == [(Fault.WRONG_KEY, row.id)]


def test_a_shard_of_another_version_is_found(home):
    change(home.world, update(CaseShard).values(version=7))
    assert check(home.world)[0] == [(Fault.SHARD, home.world.case)]


def test_a_document_that_search_does_not_know_is_found_and_indexed_again(home):
    world = home.world
    change(world, delete(CaseShard))
    made = Check(world.hub.db, world.hub.vaults, depth=Depth.QUICK, progress=lambda *_: None)
    (finding,) = made.findings()
    assert (finding.fault, finding.what) == (Fault.NOT_INDEXED, home.document)
    assert index_again(world.hub.db, finding).done
    assert world.hub.documents.prepare_waiting() == 1
    assert check(world)[0] == []


def test_a_received_file_whose_name_does_not_open_is_found(home):
    change(home.world, update(StagedFile).values(sealed_file_name=b"\x01" + bytes(40)))
    assert check(home.world)[0] == [(Fault.STAGED_NAME, home.staged)]


def test_a_row_that_nothing_uses_is_told_and_left(home):
    change(home.world, update(DocumentVersion).values(copy_id=None))
    (row,) = rows(home.world, "copy")
    assert check(home.world)[0] == [(Fault.UNUSED, row.id)]
    list(orphans(home.world).look(repair=True))
    assert path_of(home.world, row).exists()


# --- what no row names -----------------------------------------------------------------------------


def orphans(world):
    return Orphans(world.hub.db, world.clock, world.hub.vaults.store, world.config.home)


def orphan(world):
    with world.hub.db.reading() as session:
        from hub.cases.model import Case

        vault = world.hub.vaults.of(session, session.get_one(Case, world.case))
    return vault.put("original", [b"sent and never named"]).name


def test_an_orphan_is_swept_only_when_it_was_seen_an_hour_before(home):
    world, name = home.world, orphan(home.world)
    held = {path_of(world, row) for row in rows(world)}
    for look in (False, True, True):
        (finding,) = orphans(world).look(repair=look)
        assert (finding.fault, finding.what, finding.done) == (Fault.ORPHAN, name, "")
    world.clock.forward(minutes=61)
    assert [one.done for one in orphans(world).look(repair=False)] == [""]
    assert [one.done for one in orphans(world).look(repair=True)] == ["removed"]
    assert name not in set(world.hub.vaults.store.names())
    assert list(orphans(world).look(repair=True)) == []
    assert all(path.exists() for path in held)
    (entry,) = world.events("vault.swept")
    assert json.loads(entry.leaf)["fields"]["objects"] == [name.rsplit("/", 1)[1]]


def test_an_orphan_that_gets_its_row_meanwhile_is_left(home, monkeypatch):
    """What an upload of an hour would do: the object is there, and the row comes just before it is swept."""
    world = home.world
    name = orphan(world)
    list(orphans(world).look(repair=True))
    world.clock.forward(hours=2)
    looking, asked = orphans(world), []
    really = looking._without_rows

    def named_at_last(names):
        asked.append(names)
        return [] if len(asked) > 1 else really(names)

    monkeypatch.setattr(looking, "_without_rows", named_at_last)
    assert list(looking.look(repair=True)) == []
    assert name in set(world.hub.vaults.store.names())


@pytest.mark.parametrize("pattern", LEFT_BEHIND)
def test_a_file_left_behind_is_removed_when_it_is_old(home, pattern):
    world = home.world
    path = world.config.home / pattern.replace("*", "abc")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"half")
    long_ago = (world.clock() - timedelta(hours=2)).timestamp()
    assert list(orphans(world).look(repair=True)) == [], "a fresh one may still be written"
    os.utime(path, (long_ago, long_ago))
    (finding,) = orphans(world).look(repair=True)
    assert (finding.fault, finding.done) == (Fault.LEFT_OVER, "removed")
    assert not path.exists()


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def at_the_machine(home, monkeypatch):
    world = home.world
    for name, value in {
        "HUB_HOME": str(world.config.home), "HUB_SECRET": world.config.secret, "HUB_DATABASE_URL": world.config.database_url,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return world


def test_the_command_says_that_all_is_well_and_that_it_looked(at_the_machine, capsys):
    assert main(["vault", "check", "--deep"]) == 0
    told = capsys.readouterr()
    assert "everything is as it should be" in told.out
    assert "4 of 4 objects" in told.err
    assert any("vault check deep" in entry.leaf for entry in at_the_machine.events("service.command_run"))


def test_the_command_names_what_is_wrong_by_id_and_ends_with_1(at_the_machine, capsys):
    row = rows(at_the_machine, "original")[0]
    path_of(at_the_machine, row).unlink()
    assert main(["vault", "check"]) == 1
    told = capsys.readouterr().out
    assert f"{row.id} of case {row.case_id} is not in the store" in told
    assert WORD not in told
    assert main(["vault", "check", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["fault"], finding["what"], finding["bad"]) == ("missing", row.id, True)


def test_an_orphan_alone_is_no_reason_for_1(at_the_machine, capsys):
    orphan(at_the_machine)
    assert main(["vault", "check", "--quick", "--repair"]) == 0
    assert "no row names it" in capsys.readouterr().out


def test_a_check_takes_one_depth(at_the_machine):
    with pytest.raises(SystemExit):
        main(["vault", "check", "--quick", "--deep"])
