"""What an operator asks at the machine: status, rotation by command, what is stored, one object's key."""

import json

import pytest
import tink
from sqlalchemy import update
from tink import cleartext_keyset_handle, streaming_aead

from config import Config
from hub.cases.model import Case
from hub.commands import main, prepare
from hub.documents.model import StoredObject
from storage.errors import NoReceipt, NotFound
from storage.keys import key_file_path
from storage.stores import store_from_url
from tests.documents.conftest import Desk
from tests.keys.conftest import TEXT
from tests.keys.test_escrow import at_machine
from tests.world import SECRET

__all__ = ["at_machine"]
streaming_aead.register()


def told(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr().out


def test_status_tells_versions_and_nothing_secret(at_machine, capsys):
    said = json.loads(told(capsys, "keys", "status", "--json"))
    assert (said["provider"], said["healthy"], said["escrow"], said["under_way"]) == (
        "key file",
        True,
        "never",
        False,
    )
    assert [(one["version"], one["current"], one["areas"]) for one in said["roots"]] == [(1, True, 1)]
    assert said["areas"][0]["cases"] == {"1": 1}
    in_words = told(capsys, "keys", "status")
    secret = json.loads(key_file_path("", at_machine.world.config.home).read_text())["keys"]["1"]
    assert secret not in json.dumps(said) + in_words
    assert "1 cases at key version 1" in in_words
    assert len(at_machine.world.events("service.command_run")) == 2


def test_each_rotation_by_command(at_machine, capsys):
    world = at_machine.world
    assert "1 cases have a new key" in told(capsys, "keys", "rotate", "--case", world.case)
    assert "1 cases have a new key" in told(capsys, "keys", "rotate", "--all-cases", "--reason", "yearly")
    assert "now version 2" in told(capsys, "keys", "rotate", "--area", world.area)
    assert "now version 2" in told(capsys, "keys", "rotate", "--root")
    assert "0 rotations" in told(capsys, "keys", "rotate")
    said = json.loads(told(capsys, "keys", "status", "--json"))
    assert (said["areas"][0]["version"], said["areas"][0]["cases"]) == (2, {"3": 1})
    assert main(["keys", "rotate", "--area", "nowhere"]) == 1
    assert main(["keys", "rotate", "--case", "nothing"]) == 1


def test_what_is_stored_is_listed_by_id_on_record(at_machine, capsys):
    world = at_machine.world
    other = world.make_case()
    said = json.loads(told(capsys, "vault", "ls", "--json"))
    assert {one["object"] for one in said} == set(at_machine.objects(world.case))
    assert {one["kind"] for one in said} == {"original", "copy", "text"}
    assert len(TEXT) in {one["size"] for one in said}
    lines = told(capsys, "vault", "ls", "--case", world.case)
    assert len(lines.splitlines()) == len(said)
    assert told(capsys, "vault", "ls", "--case", other) == ""
    for word in ("minutes", "waiting.txt", "Norman", "Minutes"):
        assert word not in lines + json.dumps(said)
    asked = [json.loads(entry.leaf)["fields"]["case"] for entry in world.events("vault.listed")]
    assert asked == [None, world.case, other]
    assert main(["vault", "ls", "--case", "nothing"]) == 1


def test_what_a_destroyed_case_had_is_marked_and_never_handed_out(at_machine, tmp_path, capsys):
    world, gone = at_machine.world, at_machine.world.make_case()
    Desk(world).stage(b"fictional, and soon destroyed\n", "gone.txt", case=gone)
    (lost,) = at_machine.objects(gone)
    with at_machine.db.work() as work:
        work.session.execute(update(Case).where(Case.id == gone).values(key_wrapped=None))
        work.commit()
    said = json.loads(told(capsys, "vault", "ls", "--json"))
    assert {one["object"] for one in said if one["destroyed"]} == {lost}
    assert {one["object"] for one in said if not one["destroyed"]} == set(at_machine.objects(world.case))
    assert told(capsys, "vault", "ls", "--case", gone).splitlines()[0].endswith("destroyed")
    assert "destroyed" not in told(capsys, "vault", "ls", "--case", world.case)
    words = ["vault", "recovery-key", "--case", gone, "--object", lost, "--to", str(tmp_path / "handed")]
    assert main([*words, "--reason", "a fictional court asked"]) == 1
    assert "destroyed" in capsys.readouterr().err
    assert not (tmp_path / "handed").exists()


def original(keys):
    with keys.db.reading() as session:
        rows = [session.get_one(StoredObject, one) for one in keys.objects(keys.world.case)]
        return next(row for row in rows if row.size == len(TEXT))


@pytest.mark.parametrize("after", ["nothing", "rotations"])
def test_another_program_unseals_one_object_with_what_was_handed_out(at_machine, tmp_path, capsys, after):
    keys, stored, to = at_machine, original(at_machine), tmp_path / "handed"
    if after == "rotations":
        keys.service.rotate_all_cases()
        keys.service.rotate_area(keys.world.area)
    reason = "a fictional court asked"
    told(capsys, "vault", "recovery-key", "--case", keys.world.case, "--object", stored.id, "--reason", reason, "--to", str(to))  # fmt: skip
    assert {path.name: path.stat().st_mode & 0o777 for path in to.iterdir()} == {
        "keyset.json": 0o600, "associated-data.bin": 0o600, "object.sealed": 0o600,
    }  # fmt: skip
    assert to.stat().st_mode & 0o777 == 0o700
    handle = cleartext_keyset_handle.read(tink.JsonKeysetReader((to / "keyset.json").read_text()))
    primitive = handle.primitive(streaming_aead.StreamingAead)
    bound = (to / "associated-data.bin").read_bytes()
    with (to / "object.sealed").open("rb") as sealed, primitive.new_decrypting_stream(sealed, bound) as plain:
        assert plain.read() == TEXT
    (entry,) = keys.world.events("vault.recovery_key")
    assert (entry.operation, json.loads(entry.leaf)["fields"]["stored"]) == ("disclosure", stored.id)
    assert reason not in entry.leaf
    with keys.db.reading() as session:
        assert reason.encode() in keys.vaults.open_log(session, keys.world.area, entry.sealed)


def test_nothing_is_handed_out_that_the_log_does_not_tell_of(at_machine, tmp_path, monkeypatch, capsys):
    keys, stored, to = at_machine, original(at_machine), tmp_path / "handed"
    words = ["vault", "recovery-key", "--case", keys.world.case, "--object", stored.id, "--to", str(to)]
    assert main([*words, "--reason", " "]) == 1
    monkeypatch.setattr(
        "hub.ledger.service.AccessLog.append", lambda *_: (_ for _ in ()).throw(RuntimeError("no log"))
    )
    with pytest.raises(RuntimeError, match="no log"):
        main([*words, "--reason", "a fictional court asked"])
    assert not to.exists()


def test_an_object_of_another_case_or_none_is_refused_and_not_on_record(at_machine, tmp_path, capsys):
    keys, stored, other = at_machine, original(at_machine), at_machine.world.make_case()
    for case, one in ((other, stored.id), (keys.world.case, "nothing"), ("nothing", stored.id)):
        words = [
            "vault",
            "recovery-key",
            "--case",
            case,
            "--object",
            one,
            "--reason",
            "r",
            "--to",
            str(tmp_path / "x"),
        ]
        assert main(words) == 1
    assert keys.world.events("vault.recovery_key") == []
    assert not (tmp_path / "x").exists()


def test_a_receipt_for_reading_hands_out_no_key(keys):
    from hub.access.actor import program
    from hub.documents.objects import sealed_object
    from hub.ledger.events import CaseViewed

    stored = original(keys)
    with keys.db.work() as work:
        vault = keys.vaults.of(work.session, work.session.get_one(Case, keys.world.case))
        entry = work.record(program(keys.world.area), CaseViewed(case=keys.world.case))
        work.commit()
    receipt = work.receipt(entry, case=keys.world.case, objects=[stored.id])
    with pytest.raises(NoReceipt):
        vault.recovery(sealed_object(vault, stored), receipt)


# --- a key file is never made beside what another key sealed -----------------------------------------


def settings(home, **more):
    return Config.from_env({"HUB_HOME": str(home), "HUB_SECRET": SECRET, **more})


def silent(_line):
    pass


def test_no_key_is_made_beside_a_database_that_a_hub_used(world):
    config = world.config
    world.hub.db.engine.dispose()
    path = key_file_path("", config.home)
    path.unlink()
    with pytest.raises(NotFound, match="put the key file back"):
        prepare(config, demo=False, progress=silent)
    assert not path.exists()


def test_no_key_is_made_beside_a_store_elsewhere_that_holds_objects(tmp_path):
    url = f"folder:{tmp_path}/elsewhere"
    first = settings(tmp_path / "first", HUB_STORE_URL=url)
    prepare(first, demo=False, progress=silent)
    writer = store_from_url(url, first.home).create("a" * 26 + "/" + "b" * 26 + "/" + "c" * 26 + ".1")
    writer.commit()
    second = settings(tmp_path / "second", HUB_STORE_URL=url)
    with pytest.raises(NotFound, match="put the key file back"):
        prepare(second, demo=False, progress=silent)
    assert not key_file_path("", second.home).exists()
