"""Bundles out of a real database, checked by the verifier: of an area, of a case, opened, as a folder and as a zip."""

import io
import json
import zipfile

import pytest
from sqlalchemy import func, select

from hub.access.actor import program
from hub.errors import Conflict
from hub.ledger.events import CaseViewed, SearchRun
from hub.ledger.model import LogEntry
from hub.proof import export
from hub.proof.export import Exporter, ExportStopped, GrownTree, Wanted, newest_note
from hub.proof.outside import verify
from tests.ledger.second import Merkle, h


def exporter(world):
    hub = world.hub
    return Exporter(hub.db, hub.clock, hub.vaults.open_log, hub.checkpoints, hub.checkpoints.witnesses.keys)


def busy(world, rounds=12):
    other = world.make_case()
    for number in range(rounds):
        world.hub.db.record(world.actor("police"), CaseViewed(case=world.case if number % 3 else other))
        if number % 5 == 0:
            world.clock.forward(seconds=30)
            world.hub.checkpoints.make(world.area)
    world.hub.db.record(
        world.actor("police"), SearchRun(query="Quetzalcanary é \U0001d11e", documents=(), total=0)
    )
    return other


def verified(folder, *words):
    said = []
    status = verify.main([str(folder), *map(str, words), "--json"], said.append)
    return status, json.loads(said[0])


def test_an_exported_area_and_case_hold(world, tmp_path):
    other = busy(world)
    world.hub.checkpoints.make(world.area)
    with world.hub.db.reading() as session:
        (tmp_path / "kept").write_text(newest_note(session, world.area))
    exporter(world).to_folder(program(world.area), Wanted(area=world.area), tmp_path / "area")
    status, answer = verified(tmp_path / "area", "--checkpoint", tmp_path / "kept", "--entry", 3)
    assert status == 0, answer["why"]
    assert answer["entries"] == answer["size"] >= 13
    assert answer["checkpoints"] >= 4
    assert not (tmp_path / "area" / "openings.jsonl").exists()
    for case in (world.case, other):
        exporter(world).to_folder(program(world.area), Wanted(area=world.area, case=case), tmp_path / case)
        status, answer = verified(tmp_path / case, "--checkpoint", tmp_path / "kept")
        assert status == 0, answer["why"]
        with world.hub.db.reading() as session:
            query = select(func.count()).where(LogEntry.case_id == case, LogEntry.case_sequence.is_not(None))
            assert answer["entries"] <= session.scalar(query)
    assert not list(tmp_path.glob(".*"))


def test_a_case_that_went_on_while_it_was_exported_is_whole_at_its_checkpoint(world, tmp_path, monkeypatch):
    busy(world)
    made = exporter(world)
    wanted = Wanted(area=world.area, case=world.case)
    made.record(program(world.area), wanted)
    for _ in range(4):
        world.hub.db.record(world.actor("police"), CaseViewed(case=world.case))
    folder = tmp_path / "b"
    folder.mkdir()
    with world.hub.db.snapshot() as session:
        for name, pieces in made.files(session, wanted):
            (folder / name).write_bytes(b"".join(pieces))
    status, answer = verified(folder)
    assert status == 0, answer["why"]


def test_it_is_recorded_before_anything_is_written_and_private_values_only_when_asked(
    world, tmp_path, monkeypatch
):
    busy(world)
    seen = []
    write = export._write
    monkeypatch.setattr(
        export, "_write", lambda *a: (seen.append(len(world.events("log.bundled"))), write(*a))
    )
    wanted = Wanted(area=world.area, opened=True)
    exporter(world).to_folder(program(world.area), wanted, tmp_path / "b")
    assert set(seen) == {1}
    body = json.loads(world.events("log.bundled")[0].leaf)
    assert (body["fields"]["opened"], body["operation"]) == (True, "disclosure")
    status, answer = verified(tmp_path / "b")
    assert status == 0, answer["why"]
    assert answer["openings"] > 10
    assert "Quetzalcanary é \U0001d11e" in (tmp_path / "b" / "openings.jsonl").read_text()


def test_what_cannot_be_recorded_is_not_written(world, tmp_path, monkeypatch):
    busy(world)
    made = exporter(world)

    def broken(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(made._db, "record", broken)
        made.to_folder(program(world.area), Wanted(area=world.area), tmp_path / "b")
    assert list(tmp_path.glob("b*")) == []
    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(export, "sync_folder", broken)
        made.to_folder(program(world.area), Wanted(area=world.area), tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir() if "b" in path.name] == []
    (tmp_path / "b").mkdir()
    with pytest.raises(Conflict, match="there already"):
        made.to_folder(program(world.area), Wanted(area=world.area), tmp_path / "b")
    with pytest.raises(Conflict, match="no entry of this case"):
        made.to_folder(program(world.area), Wanted(area=world.area, case="a" * 26), tmp_path / "c")


def test_a_zip_is_the_same_bundle_and_stops_when_the_right_to_it_ends(world, tmp_path):
    busy(world)
    made, wanted = exporter(world), Wanted(area=world.area, case=world.case)
    made.record(program(world.area), wanted)
    data = b"".join(made.zipped(wanted, lambda: True))
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        found.extractall(tmp_path)
    assert verified(tmp_path / "access-log")[0] == 0
    answers = iter([True, True, False])
    with pytest.raises(ExportStopped):
        list(made.zipped(wanted, lambda: next(answers)))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 1024, 1300])
def test_proofs_out_of_stretches_are_those_of_the_definition(size):
    hashes = [h(b"%d" % number) for number in range(size)]
    grown, mine = GrownTree(lambda first, last: hashes[first:last], size), Merkle(hashes)
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1, 255, 256} & set(range(size)):
        assert grown.inclusion(index) == mine.path(index)
    for old in {0, 1, 2, size // 3, size // 2, size - 1, size, 255, 256, 257} & set(range(size + 1)):
        assert grown.consistency(old) == mine.proof(old)
