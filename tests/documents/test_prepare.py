"""Preparing in the background: what a crash leaves is found again, and nothing is prepared twice."""

import io
import json
import sqlite3
import time

import pytest
from sqlalchemy import select

from hub import jobs
from hub.documents.model import DocumentVersion, StoredObject
from hub.documents.reader import ReaderUnavailable
from tests.documents.conftest import WORD, Desk, docx, pdf


def state(desk: Desk, document: str) -> str:
    with desk.world.hub.db.reading() as session:
        return session.get_one(DocumentVersion, (document, 1)).text_state


def test_a_version_is_prepared_once(desk: Desk) -> None:
    document = desk.upload(pdf()).document
    assert desk.service.prepare(document, 1) == "ready"
    assert desk.service.prepare(document, 1) is None
    assert len(desk.world.events("document.prepared")) == 1
    assert len(desk.world.events("document.processed")) == 1


def test_another_process_that_was_quicker_leaves_no_second_copy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, service = desk.upload(docx(), "report.docx").document, desk.service
    examine = service._reader.examine

    def overtaken(*arguments: object) -> object:
        monkeypatch.setattr(service._reader, "examine", examine)
        assert service.prepare(document, 1) == "ready"
        return examine(*arguments)

    monkeypatch.setattr(service._reader, "examine", overtaken)
    assert service.prepare(document, 1) is None
    assert len(list(desk.world.hub.vaults.store.names())) == 3


def test_a_commit_that_fails_leaves_the_version_waiting_and_no_object(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, service = desk.upload(docx(), "report.docx").document, desk.service

    def fail(*_arguments: object) -> None:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(service._search, "index", fail)
        with pytest.raises(RuntimeError):
            service.prepare(document, 1)
    assert state(desk, document) == "waiting"
    assert len(list(desk.world.hub.vaults.store.names())) == 1
    assert service.prepare_waiting() == 1


def test_without_a_reader_versions_go_on_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    document = desk.upload(pdf()).document

    def gone(*_arguments: object) -> None:
        raise ReaderUnavailable("Not now.")

    with monkeypatch.context() as patch:
        patch.setattr(desk.service._reader, "examine", gone)
        assert desk.service.prepare_waiting() == 0
    assert state(desk, document) == "waiting"


def test_the_background_prepares_what_is_uploaded_and_what_waited_before(desk: Desk) -> None:
    waited = desk.upload(pdf()).document
    background = jobs.start(desk.world.app)
    try:
        assert jobs.start(desk.world.app) is background
        fresh = desk.upload(pdf("another")).document
        ends = time.monotonic() + 60
        while {state(desk, waited), state(desk, fresh)} != {"ready"} and time.monotonic() < ends:
            time.sleep(0.05)
        assert (state(desk, waited), state(desk, fresh)) == ("ready", "ready")
    finally:
        background.stop()
    assert not background.thread.is_alive()


def test_the_queue_holds_ids_as_json_and_a_bad_message_harms_nobody(desk: Desk) -> None:
    queue = jobs.Queue(desk.world.config.home, desk.service)
    document = desk.upload(pdf()).document
    queue.put(document, 1)
    with sqlite3.connect(desk.world.config.home / "queue.sqlite") as connection:
        (data,) = connection.execute("select data from task").fetchone()
        assert json.loads(bytes(data))[6] == [document, 1]
    connection.close()
    assert queue.run_one()
    assert state(desk, document) == "ready"
    assert not queue.run_one()


def test_a_queue_that_cannot_be_written_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = jobs.Queue(desk.world.config.home, desk.service)

    def full(*_arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(queue._huey, "enqueue", full)
    desk.service.announce = queue.put
    document = desk.upload(pdf()).document
    assert desk.service.waiting() == [(document, 1)]


def test_received_files_nobody_used_go_after_a_week(desk: Desk) -> None:
    desk.stage(pdf())
    desk.world.clock.forward(days=6)
    assert desk.service.discard_stale() == 0
    desk.world.clock.forward(days=2)
    assert desk.service.discard_stale() == 1
    assert list(desk.world.hub.vaults.store.names()) == []
    assert len(desk.world.events("document.received_discarded")) == 1


def test_objects_without_a_row_go_after_the_grace_and_others_never(desk: Desk) -> None:
    kept = desk.prepared(docx(), "report.docx")
    vault = desk.service._vault_to_fill(desk.world.actor("police"), desk.world.case)
    vault.put("original", [b"left by a crash"])
    since: dict = {}
    assert desk.service.discard_orphans(since) == 0
    desk.world.clock.forward(minutes=30)
    assert desk.service.discard_orphans(since) == 0
    desk.world.clock.forward(minutes=31)
    assert desk.service.discard_orphans(since) == 1
    assert since == {}
    with desk.world.hub.db.reading() as session:
        assert set(desk.world.hub.vaults.store.names()) == set(session.scalars(select(StoredObject.name)))
    desk.world.tokens.clear()
    assert WORD in desk.reader("police", kept).get(f"/documents/{kept}").text


def test_a_failed_commit_takes_back_the_sealed_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr(desk.service, "_staged_row", fail)
    with pytest.raises(RuntimeError):
        desk.service.receive(desk.world.actor("police"), desk.world.case, "a.pdf", io.BytesIO(pdf()))
    assert list(desk.world.hub.vaults.store.names()) == []
