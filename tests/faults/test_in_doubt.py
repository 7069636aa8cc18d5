"""A database that goes while a commit is told: whether it was made nobody knows, so what its rows may name must stay."""

import sqlite3

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from hub.db import may_be_durable
from hub.errors import LogUnwritable
from hub.integrity.findings import Depth
from hub.integrity.service import Check
from tests.documents.conftest import Desk, desk, one_reader  # noqa: F401 - fixtures

DATA = b"invented notes that were on their way"


@pytest.fixture
def lost_answer(monkeypatch):
    """A function: from now on each commit is made, and then the connection is gone."""

    def begin():
        really = Session.commit

        def commit(session):
            really(session)
            raise OperationalError("COMMIT", {}, Exception("gone"), connection_invalidated=True)

        patched = monkeypatch.context()
        patched.__enter__().setattr(Session, "commit", commit)
        return patched

    return begin


def findings(world):
    check = Check(world.hub.db, world.hub.vaults, depth=Depth.SHALLOW, progress=lambda *_: None)
    return list(check.findings())


def test_a_file_whose_commit_was_made_and_not_told_is_whole(desk, lost_answer):  # noqa: F811
    desk.world.actor("police")
    broken = lost_answer()
    with pytest.raises(LogUnwritable):
        desk.stage(DATA, "notes.txt")
    broken.__exit__(None, None, None)
    assert len(desk.service.staged(desk.world.actor("police"), desk.world.case)) == 1
    assert findings(desk.world) == []


def test_a_preparation_whose_commit_was_made_and_not_told_is_whole(desk, lost_answer):  # noqa: F811
    line = desk.upload(DATA, "notes.txt")
    task = desk.service._opened(line.document, 1, lambda _: True)
    outcome = desk.service._prepared(task)
    desk.service._opened, desk.service._prepared = lambda *_: task, lambda _: outcome
    broken = lost_answer()
    with pytest.raises(LogUnwritable):
        desk.service.prepare(line.document, 1)
    broken.__exit__(None, None, None)
    assert findings(desk.world) == []


def test_a_file_whose_commit_was_refused_is_gone_at_once(desk):  # noqa: F811
    world = desk.world
    world.actor("police")

    def refuse(_connection):
        raise OperationalError("COMMIT", {}, Exception("no"))

    event.listen(world.hub.db.engine, "commit", refuse)
    try:
        with pytest.raises(LogUnwritable):
            desk.stage(DATA, "notes.txt")
    finally:
        event.remove(world.hub.db.engine, "commit", refuse)
    assert list(world.hub.vaults.store.names()) == []


def test_a_server_process_that_ends_in_the_middle_of_a_commit_leaves_its_object_to_the_sweep(desk):  # noqa: F811
    world = desk.world
    if world.hub.db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no server")
    world.actor("police")

    def end(connection):
        process = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with world.hub.db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:process, 5000)"), {"process": process})

    event.listen(world.hub.db.engine, "commit", end)
    try:
        with pytest.raises(LogUnwritable):
            desk.stage(DATA, "notes.txt")
    finally:
        event.remove(world.hub.db.engine, "commit", end)
    assert len(list(world.hub.vaults.store.names())) == 1
    assert desk.service.staged(world.actor("police"), world.case) == []
    assert findings(world) == []


def told(orig, **more):
    error = LogUnwritable()
    error.__cause__ = OperationalError("COMMIT", {}, orig, **more)
    return error


def test_which_ends_are_in_doubt():
    unsynced, full = sqlite3.OperationalError("disk I/O error"), sqlite3.OperationalError("disk is full")
    unsynced.sqlite_errorname, full.sqlite_errorname = "SQLITE_IOERR_FSYNC", "SQLITE_FULL"
    assert may_be_durable(KeyboardInterrupt())
    assert may_be_durable(SystemExit())
    assert may_be_durable(told(Exception(), connection_invalidated=True))
    assert may_be_durable(told(unsynced))
    assert not may_be_durable(told(full))
    assert not may_be_durable(LogUnwritable())
    assert not may_be_durable(IntegrityError("INSERT", {}, Exception()))
    assert not may_be_durable(ValueError())
