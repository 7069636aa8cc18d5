"""A snapshot that was changed is refused, and what is wrong is named."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from hub.backup.manifest import AreaState, Manifest, manifest_from
from hub.backup.tables import TableFile
from hub.commands import main
from storage.errors import Tampered
from tests.backup.conftest import ON_SQLITE, silent
from tests.world import SECRET, START


def file_of(full, pattern):
    return next((Path(full.url) / "snapshots").rglob(pattern))


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_whole_snapshot_has_no_fault_and_how_it_was_checked_is_on_record(full):
    full.create()
    assert full.verify().how == "seals"
    deep = full.verify(deep=True)
    assert deep.how == "opened"
    assert deep.checked.faults == ()
    assert deep.checked.objects == deep.manifest.objects
    told = [json.loads(entry.leaf)["fields"] for entry in full.world.events("backup.verified")]
    assert [(one["how"], one["faults"]) for one in told] == [("seals", 0), ("opened", 0)]
    assert len(full.world.events("backup.opened")) == 1


@ON_SQLITE
@pytest.mark.parametrize("change", ["flip", "cut", "swap", "remove"])
@pytest.mark.parametrize("table", ["account", "log_entry", "case_", "stored_object"])
def test_a_changed_table_is_found(full, table, change):
    full.create()
    path = file_of(full, f"{table}.jsonl.gz")
    match change:
        case "flip":
            flip(path)
        case "cut":
            path.write_bytes(
                gzip.compress(b"\n".join(gzip.decompress(path.read_bytes()).split(b"\n")[:-2]) + b"\n")
            )
        case "swap":
            path.write_bytes(file_of(full, "agency.jsonl.gz").read_bytes())
        case "remove":
            path.unlink()
    assert any(table in fault for fault in full.verify().checked.faults)


@ON_SQLITE
def test_a_manifest_made_to_fit_a_changed_table_is_refused_by_its_seal(full, clean):
    import hashlib

    made = full.create().manifest
    path = file_of(full, "account.jsonl.gz")
    text = gzip.decompress(path.read_bytes()).replace(b"Polly", b"Molly")
    path.write_bytes(gzip.compress(text))
    data = path.read_bytes()
    told = [
        replace(one, size=len(data), length=len(text), sha256=hashlib.sha256(data).hexdigest())
        if one.name == "account"
        else one
        for one in made.tables
    ]
    forged = replace(made, tables=tuple(told))
    full.repository.place.write(f"snapshots/{made.snapshot}/manifest.json", [forged.as_text()], replace=True)
    assert any("seal" in fault for fault in full.verify().checked.faults)
    without_keys = clean(None)
    checked = without_keys.backup.verify(full.url, None, silent)
    assert checked.how == "hashes", "which cannot tell, and says so"
    assert checked.checked.faults == ()
    with pytest.raises(Tampered, match="seal"):
        clean(full.world).backup.restore(full.url, None, silent)


@pytest.mark.parametrize(
    "part", ["seals", "missing", "objects", "created_at", "tables.0.length", "areas.0.area"]
)
@pytest.mark.parametrize("value", [None, 5, 10**30, "\ud800", ["a", 1], {"a": 1}, {"é": "é"}])
def test_a_manifest_of_other_kinds_is_told_as_changed_and_meets_no_other_error(part, value):
    table = TableFile(name="area", rows=1, length=2, size=3, sha256="00")
    area = AreaState(area="a", entries=1, root="00", key="00", key_version=1, checkpoint=None)
    made = Manifest(
        hub="h", repository="r", snapshot="s", created_at=START, revision="1", tables=(table,), areas=(area,),
        objects=0, object_bytes=0, seals={"a": "00"},
    )  # fmt: skip
    said = json.loads(made.as_text())
    *above, last = part.split(".")
    inner = said
    for step in above:
        inner = inner[int(step)] if step.isdigit() else inner[step]
    inner[last] = value
    try:
        found = manifest_from(json.dumps(said).encode())
    except Tampered:
        return
    assert not found.sealed_by("a", bytes(32))


def test_a_manifest_moved_to_another_name_is_refused(full):
    made = full.create().manifest
    full.repository.place.write("snapshots/20990101T000000Z-1/manifest.json", [made.as_text()])
    with pytest.raises(Tampered, match="moved"):
        full.repository.manifest("20990101T000000Z-1")


@ON_SQLITE
@pytest.mark.parametrize("kind", ["flip", "remove"])
def test_a_damaged_object_is_named(full, kind):
    full.create()
    path = next(path for path in (Path(full.url) / "objects").rglob("*") if path.is_file())
    if kind == "flip":
        flip(path)
    else:
        path.unlink()
    [fault] = full.verify().checked.faults
    assert path.name in fault


@ON_SQLITE
def test_a_lost_or_changed_key_is_named(full):
    full.create()
    [path] = (Path(full.url) / "keys" / "case_" / full.other).iterdir()
    data = path.read_bytes()
    path.unlink()
    assert any(full.other in fault for fault in full.verify().checked.faults)
    path.write_bytes(data[:-1] + b"x")
    assert any("key" in fault for fault in full.verify(deep=True).checked.faults)
    path.write_bytes(data)
    assert full.verify(deep=True).checked.faults == ()


def test_an_object_that_fits_its_row_and_does_not_open_is_found_deep(full):
    """Rows and object changed together by who held the database: only the keys tell."""
    from sqlalchemy import update

    from hub.documents.model import StoredObject

    with full.hub.db.work() as work:
        one = work.session.query(StoredObject).first()
        work.session.execute(
            update(StoredObject).where(StoredObject.id == one.id).values(wrapped_key=b"\x01" + bytes(60))
        )
        work.commit()
    full.create()
    assert full.verify().checked.faults == ()
    assert any("does not open" in fault for fault in full.verify(deep=True).checked.faults)


@ON_SQLITE
def test_nothing_of_the_scratch_database_stays(full):
    full.create()
    full.verify(deep=True)
    assert not list(full.world.config.home.glob("scratch-*"))


def test_the_commands_say_what_they_did(full, clean, monkeypatch, capsys):
    for name, value in {
        "HUB_HOME": str(full.world.config.home), "HUB_SECRET": SECRET, "HUB_DATABASE_URL": full.world.config.database_url,
        "HUB_BACKUP_URL": full.url,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert main(["backup", "create"]) == 0
    assert main(["backup", "verify", "--deep"]) == 0
    assert main(["backup", "list"]) == 0
    assert main(["backup", "prune", "--keep", "1"]) == 0
    assert main(["backup", "rewrap"]) == 0
    told = capsys.readouterr().out
    assert "whole (hashes, seal, log, and every object opened)" in told
    machine = clean(full.world)
    monkeypatch.setenv("HUB_HOME", str(machine.config.home))
    monkeypatch.setenv("HUB_DATABASE_URL", "")
    assert main(["backup", "restore"]) == 0
    assert "Everyone signs in anew" in capsys.readouterr().out
    assert main(["backup", "restore"]) == 1
    assert "not empty" in capsys.readouterr().err
    monkeypatch.setenv("HUB_BACKUP_URL", "")
    assert main(["backup", "create"]) == 1
    assert "HUB_BACKUP_URL" in capsys.readouterr().err
