"""A database that is older than what was signed, or another, does not start; a true restore is accepted with a reason, on record."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, insert, update

from config import Config, ConfigError
from hub.app import build_services
from hub.commands.install import prepare, record_start
from hub.commands.registry import main
from hub.ledger.entries import leaf_hash
from hub.ledger.model import LogCheckpoint, LogEntry, LogSigner
from hub.ledger.notes import Checkpoint, log_key, opened, sign
from hub.ledger.tree import Frontier
from storage.anchors import FolderAnchors
from tests.ledger.test_checkpoints import key_of, rows
from tests.ledger.test_log import record, unguarded, verified
from tests.world import SECRET

FAR = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def hub_at(tmp_path, sqlite_template):
    """A hub of files, so that its database can be put back as an older copy; signs each time it is asked."""
    from tests import world as worlds

    home = tmp_path / "home"
    worlds.copy_home(sqlite_template, home)
    world = worlds.open_world(home)
    yield world
    world.hub.documents.close()
    world.hub.db.engine.dispose()


def signed(world, count=3):
    record(world, count)
    world.clock.forward(seconds=61)
    assert world.hub.checkpoints.make(world.area)
    assert world.hub.checkpoints.keep(world.area)


def copied(world, name):
    """A consistent copy of the database, as a backup would have it."""
    target = world.config.home.parent / name
    with closing(sqlite3.connect(world.config.home / "hub.sqlite")) as connection:
        connection.execute("VACUUM INTO ?", [str(target)])
    return target


def put_back(world, copy):
    world.hub.db.engine.dispose()
    for path in world.config.home.glob("hub.sqlite*"):
        path.unlink()
    shutil.copy(copy, world.config.home / "hub.sqlite")


def starts(world, **more):
    environ = {"HUB_HOME": str(world.config.home), "HUB_SECRET": SECRET, **more}
    prepare(Config.from_env(environ), demo=False, progress=lambda _: None)


def test_a_hub_that_was_stopped_and_started_or_crashed_after_entries_starts_again(hub_at):
    starts(hub_at)
    signed(hub_at)
    starts(hub_at)
    record(hub_at, 2)
    starts(hub_at)


def test_an_older_database_is_refused_in_one_sentence_that_says_what_to_do(hub_at):
    signed(hub_at)
    older = copied(hub_at, "older.sqlite")
    signed(hub_at)
    put_back(hub_at, older)
    with pytest.raises(
        ConfigError,
        match=r"ends at entry 3, but the newest checkpoint in the home folder has 6.*accept-restore",
    ):
        starts(hub_at)


def test_a_database_from_before_the_first_checkpoint_and_a_new_one_are_refused(hub_at):
    older = copied(hub_at, "older.sqlite")
    signed(hub_at)
    put_back(hub_at, older)
    with pytest.raises(ConfigError, match="from before the first of them"):
        starts(hub_at)
    hub_at.hub.db.engine.dispose()
    (hub_at.config.home / "hub.sqlite").unlink()
    shutil.rmtree(hub_at.config.home / "objects")
    with pytest.raises(ConfigError, match=r"HUB_|key|does not know"):
        starts(hub_at)


def test_a_home_put_back_together_with_the_database_is_found_by_the_second_place(hub_at, tmp_path):
    second = FolderAnchors(tmp_path / "elsewhere")
    hub_at.hub.checkpoints.places["second"] = second
    signed(hub_at)
    older = copied(hub_at, "older.sqlite")
    home = shutil.copytree(hub_at.config.home / "checkpoints", tmp_path / "older checkpoints")
    signed(hub_at)
    put_back(hub_at, older)
    shutil.rmtree(hub_at.config.home / "checkpoints")
    shutil.copytree(home, hub_at.config.home / "checkpoints")
    starts(hub_at)
    with pytest.raises(ConfigError, match="second place has 6"):
        starts(hub_at, HUB_LOG_COPY_URL=f"folder:{tmp_path / 'elsewhere'}")


def test_another_history_of_the_same_length_is_refused(hub_at):
    signed(hub_at)
    older = copied(hub_at, "older.sqlite")
    signed(hub_at)
    put_back(hub_at, older)
    record(hub_at, 3)
    with pytest.raises(ConfigError, match="first 6 entries of the access log are not those"):
        starts(hub_at)


def rewritten(world):
    """Another history, as long as what the newest checkpoint in the home signs."""
    signed(world)
    older = copied(world, "older.sqlite")
    signed(world)
    put_back(world, older)
    record(world, 3)


def stand_in(world, private, **values):
    """One checkpoint of the log as it is now in place of the database's own, signed by this key."""
    key = log_key(key_of(world).name, private.public_key().public_bytes_raw())
    frontier = Frontier().extended([leaf_hash(one.leaf) for one in world.events()])
    said = Checkpoint(
        origin=key.name, size=frontier.size, root=frontier.root, at=FAR, cases=0, case_root=Frontier().root
    )
    note = str(sign(said, private.private_bytes_raw()))
    row = {
        "area_id": world.area,
        "number": 9,
        "size": frontier.size,
        "at": FAR,
        "frontier": bytes(frontier),
        "note": note,
    }
    unguarded(world, delete(LogCheckpoint))
    unguarded(world, insert(LogCheckpoint).values({**row, **values}))


def test_another_history_with_another_key_and_a_later_checkpoint_of_the_same_length_is_refused(hub_at):
    rewritten(hub_at)
    private = Ed25519PrivateKey.generate()
    stand_in(hub_at, private)
    unguarded(hub_at, update(LogSigner).values(public_key=private.public_key().public_bytes_raw()))
    with pytest.raises(ConfigError, match="not one that this database's log signed"):
        starts(hub_at)


def test_a_database_without_its_key_is_held_against_every_checkpoint_whatever_its_own_say(hub_at):
    rewritten(hub_at)
    stand_in(hub_at, Ed25519PrivateKey.generate(), size=10**11)
    unguarded(hub_at, delete(LogSigner))
    with pytest.raises(ConfigError, match="from before the first of them"):
        starts(hub_at)


def test_a_log_that_was_rewritten_with_its_head_is_refused(hub_at):
    signed(hub_at)
    at = LogEntry.sequence == 2
    unguarded(
        hub_at, update(LogEntry).where(LogEntry.sequence == 3).values(leaf="{}", leaf_hash=leaf_hash("{}"))
    )
    unguarded(hub_at, delete(LogEntry).where(at))
    unguarded(hub_at, delete(LogCheckpoint))
    with pytest.raises(ConfigError, match="not"):
        starts(hub_at)


def test_a_checkpoint_in_the_home_that_nobody_signed_is_refused(hub_at):
    signed(hub_at)
    path = max((hub_at.config.home / "checkpoints" / hub_at.area).iterdir())
    forged = path.with_name(path.name.replace("000000000003", "000000000009"))
    forged.write_text(path.read_text().replace("\n3\n", "\n9\n"))
    with pytest.raises(ConfigError, match="not one that this database's log signed"):
        starts(hub_at)


def test_a_second_place_that_does_not_answer_stops_only_a_hub_that_requires_it(hub_at, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    url = {"HUB_LOG_COPY_URL": f"folder:{blocked}/below"}
    starts(hub_at, **url)
    config = Config.from_env(
        {"HUB_HOME": str(hub_at.config.home), "HUB_SECRET": SECRET, "HUB_LOG_COPY_REQUIRED": "true", **url}
    )
    with pytest.raises(ConfigError, match="second place"):
        record_start(config)


def test_requiring_a_second_place_without_naming_one_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="HUB_LOG_COPY_URL"):
        Config.from_env({"HUB_HOME": str(tmp_path), "HUB_LOG_COPY_REQUIRED": "true"})
    with pytest.raises(ConfigError, match="HUB_LOG_WITNESSES"):
        Config.from_env({"HUB_HOME": str(tmp_path), "HUB_LOG_WITNESSES": "https://w.example"})


def test_a_true_restore_is_accepted_on_record_and_the_old_checkpoints_are_set_aside(
    hub_at, monkeypatch, capsys
):
    signed(hub_at)
    older = copied(hub_at, "older.sqlite")
    signed(hub_at)
    put_back(hub_at, older)
    monkeypatch.setenv("HUB_HOME", str(hub_at.config.home))
    monkeypatch.setenv("HUB_SECRET", SECRET)
    assert main(["log", "verify"]) == 1
    assert "accept-restore" in capsys.readouterr().err
    assert main(["log", "accept-restore", "--reason", " "]) == 1
    assert main(["log", "accept-restore", "--reason", "The disk failed."]) == 0
    assert "3 entries that were signed are not in it" in capsys.readouterr().out
    starts(hub_at)
    accepted = hub_at.events("log.restore_accepted")
    assert len(accepted) == 1
    assert '"entries":3' in accepted[0].leaf
    assert '"signed":6' in accepted[0].leaf
    assert "disk" not in accepted[0].leaf
    folder = hub_at.config.home / "checkpoints" / hub_at.area
    assert [path.name[:12] for path in (folder / "set-aside").iterdir()] == ["000000000006"]
    assert [opened(row.note, key_of(hub_at)).size for row in rows(hub_at)] == [3, 4]
    assert verified(hub_at) is None


def test_a_refusal_to_sign_ends_only_when_it_was_accepted(hub_at, monkeypatch):
    signed(hub_at)
    with hub_at.hub.db.work() as work:
        work.session.execute(update(LogSigner).values(refused_at=hub_at.clock(), refused_why="Told."))
        work.commit()
    hub_at.hub.checkpoints.forget()
    assert hub_at.client("police").get(f"/cases/{hub_at.case}").status_code == 503
    monkeypatch.setenv("HUB_HOME", str(hub_at.config.home))
    monkeypatch.setenv("HUB_SECRET", SECRET)
    assert main(["log", "accept-restore", "--reason", "Looked into."]) == 0
    hub_at.hub.checkpoints.forget()
    assert hub_at.client("police").get(f"/cases/{hub_at.case}").status_code == 200


def test_services_are_built_without_asking_any_place(tmp_path):
    (tmp_path / "home").mkdir()
    build_services(
        Config.from_env({"HUB_HOME": str(tmp_path / "home"), "HUB_LOG_COPY_URL": "s3://nowhere/x"})
    )
