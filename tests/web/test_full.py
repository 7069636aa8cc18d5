"""A disk without room, and one that fails: a sentence, the form as it was typed, nothing by halves, and work goes on when there is room."""

import errno
import io
import os
from pathlib import Path

import pytest
from sqlalchemy import event, select

from hub.documents.model import Document, StagedFile, StoredObject
from tests.documents.conftest import Desk, desk, one_reader  # noqa: F401 - fixtures

WORDS = "The others plan the next visits with it, in invented words."


class Disk:
    """Writing fails while `error` is set: below the folders of the home alone."""

    def __init__(self, monkeypatch, home):
        self.error, self._home, self._write = 0, str(home), os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor, data):
        if self.error and self._home in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(self.error, os.strerror(self.error))
        return self._write(descriptor, data)


@pytest.fixture
def disk(world, monkeypatch):
    return Disk(monkeypatch, world.config.home)


def left(world):
    with world.hub.db.reading() as session:
        rows = [len(list(session.scalars(select(kind)))) for kind in (Document, StagedFile, StoredObject)]
    return (*rows, len([path for path in (world.config.home / "objects").rglob("*") if path.is_file()]))


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (errno.ENOSPC, 507, "no room left on the disk"),
        (errno.EDQUOT, 507, "no room left on the disk"),
        (errno.EIO, 503, "The disk gave an error"),
    ],
)
def test_the_upload_form_keeps_what_was_typed(desk, disk, error, status, sentence):  # noqa: F811
    world, client = desk.world, desk.world.client("police")
    form, path = desk.form(necessity=WORDS), f"/cases/{desk.world.case}/documents/new"
    before, disk.error = left(world), error
    answer = world.post(client, path, {**form, "files": (io.BytesIO(b"invented notes"), "notes.txt")})
    assert answer.status_code == status
    assert sentence in answer.text
    assert WORDS in answer.text
    assert left(world) == before, "nothing by halves"
    disk.error = 0
    again = world.post(client, path, {**form, "files": (io.BytesIO(b"invented notes"), "notes.txt")})
    assert again.status_code == 303, "room is there again, and nothing was restarted"


@pytest.mark.parametrize(("error", "status"), [(errno.ENOSPC, 507), (errno.EIO, 503)])
def test_the_script_that_sends_a_file_is_told_in_json(desk, disk, error, status):  # noqa: F811
    world, client = desk.world, desk.world.client("police")
    disk.error = error
    path = f"/cases/{world.case}/documents/files"
    sent = {"file": (io.BytesIO(b"invented notes"), "notes.txt")}
    answer = world.post(client, path, sent, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.json["error"].endswith(".")


def test_a_spool_without_room_is_told_when_the_file_is_read(desk, monkeypatch):  # noqa: F811
    """The fields behind the file in the form were received all the same."""
    from hub.web import spool

    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool.tempfile, "TemporaryFile", full)
    world, client = desk.world, desk.world.client("police")
    sent = {"files": (io.BytesIO(b"x" * 2_000_000), "notes.txt"), **desk.form(necessity=WORDS)}
    answer = world.post(client, f"/cases/{world.case}/documents/new", sent)
    assert answer.status_code == 507
    assert WORDS in answer.text


def no_room_in_the_database(world):
    """SQLite's own limit: it says then that the database or disk is full, as it does on a full disk."""
    full = [True]

    def limit(connection, *_):
        connection.execute(f"PRAGMA max_page_count={1 if full[0] else 1_000_000}")

    event.listen(world.hub.db.engine, "checkout", limit)
    return full


def test_with_a_full_database_the_form_comes_back_to_be_sent_again(desk):  # noqa: F811
    world, client = desk.world, desk.world.client("police")
    if world.hub.db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL says so by the same error, and has no such limit of its own")
    staged = [desk.stage(b"invented notes", "notes.txt") for _ in range(20)]
    forms = [{**desk.form(necessity=WORDS * 30), "staged": one} for one in staged]
    full, path = no_room_in_the_database(world), f"/cases/{world.case}/documents/new"
    for form in forms:  # what is half empty is filled first
        before = left(world)
        answer = world.post(client, path, form)
        if answer.status_code != 303:
            break
    assert answer.status_code == 503
    assert "access log cannot be written" in answer.text
    assert f'name="necessity" value="{WORDS}' in answer.text
    assert "Norman" not in answer.text
    assert left(world) == before
    full[0] = False
    assert world.post(client, path, form).status_code == 303


def test_another_sites_form_does_not_come_back_with_our_button(desk):  # noqa: F811
    world, client = desk.world, desk.world.client("police")
    if world.hub.db.engine.dialect.name != "sqlite":
        pytest.skip("as above")
    path = f"/cases/{world.case}/documents/new"
    for wrong in ({"csrf_token": "not ours"}, {}):
        answer = client.post(path, data={**desk.form(necessity=WORDS), **wrong})
        assert WORDS not in answer.text


def test_a_password_is_never_on_an_errors_page(world):
    if world.hub.db.engine.dialect.name != "sqlite":
        pytest.skip("as above")
    no_room_in_the_database(world)
    answer = world.post(
        world.client(), "/sign-in", {"email": "a@fenmarch.example", "password": "an invented pass"}
    )
    assert "an invented pass" not in answer.text
    assert "a@fenmarch.example" not in answer.text
