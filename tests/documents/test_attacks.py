"""Attacks by people with a valid account on what documents leave lying about."""

import threading
from dataclasses import replace

from hub.db import UnitOfWork
from hub.documents import prepare
from hub.documents.model import Document
from hub.ids import new_id
from hub.search.service import Request
from tests.documents.conftest import pdf


def shut_out(desk, line):
    """The owning agency takes the uploader's from the audience, and says more in the title than it did."""
    world = desk.world
    who = world.actor("probation")
    page = desk.service.edit_page(who, line.document)
    narrowed = replace(page.details, audience=frozenset({world.agencies["probation"]}), title="Quetzalcanary")
    desk.service.change(who, line.document, narrowed, seen=page.seen)


def uploaded_for_another(desk):
    token, world = new_id(), desk.world
    staged = desk.stage(pdf())
    details = desk.details(owner=world.agencies["probation"])
    (line,) = desk.service.upload(world.actor("police"), world.case, details, [staged], token)
    return line, f"/cases/{world.case}/documents/receipts/{token}"


def test_a_receipt_shows_nothing_more_of_a_document_its_sender_was_shut_out_of(desk):
    line, receipt = uploaded_for_another(desk)
    client = desk.world.client("police")
    assert "Assessment of March" in client.get(receipt).get_data(as_text=True)
    shut_out(desk, line)
    assert client.get(f"/documents/{line.document}").status_code == 404
    answer = client.get(receipt)
    assert "Quetzalcanary" not in answer.get_data(as_text=True)
    absent = client.get(f"/cases/{desk.world.case}/documents/receipts/{new_id()}")
    assert (answer.status_code, answer.data) == (404, absent.data)


def meanwhile(what):
    """Starts it beside the caller's own unit of work and gives it time to get as far as it can."""
    thread = threading.Thread(target=what)
    thread.start()
    thread.join(0.5)
    return thread


def test_a_document_withdrawn_while_it_is_prepared_is_not_found_by_search(desk, monkeypatch):
    """It was indexed after the withdrawal had looked for it in the index, and stayed there for all to find."""
    world, line, started = desk.world, desk.upload(pdf("Quetzalcanary in it.")), []
    index, who = world.hub.search.index, world.actor("police")

    def index_late(*given):
        started.append(meanwhile(lambda: desk.service.withdraw(who, line.document, seen=1)))
        index(*given)

    monkeypatch.setattr(world.hub.search, "index", index_late)
    desk.service.prepare(line.document, 1)
    started[0].join()
    with world.hub.db.reading() as session:
        assert session.get_one(Document, line.document).withdrawn_at is not None
    assert world.hub.search.search(world.actor("probation"), Request(text="Quetzalcanary")).found == ()


def test_a_long_document_is_read_by_search_before_anything_is_locked(desk, monkeypatch):
    """A thousand pages held the lock for seconds, in which nothing could be recorded and so nothing be served."""
    world, line, who = desk.world, desk.upload(pdf("Quetzalcanary in it.")), desk.world.actor("police")
    analyse = prepare.analyse

    def analyse_while_it_changes(document):
        found = analyse(document)
        renamed = replace(desk.service.edit_page(who, line.document).details, title="Wombat")
        desk.service.change(who, line.document, renamed, seen=1)
        return found

    monkeypatch.setattr(prepare, "analyse", analyse_while_it_changes)
    desk.service.prepare(line.document, 1)
    for word, expected in (("Quetzalcanary", 1), ("Wombat", 1), ("Assessment", 0)):
        assert world.hub.search.search(who, Request(text=word)).total == expected, word


def test_a_file_discarded_while_a_document_takes_it_is_no_longer_there(desk):
    """The sealed object that the document now names was about to be deleted: a fault, and an entry of erasure."""
    world, staged, answers = desk.world, desk.stage(pdf()), []
    client = world.client("police")
    path = f"/cases/{world.case}/documents/files/{staged}/discard"
    commit = UnitOfWork.commit

    def commit_late(work):
        UnitOfWork.commit = commit
        work.session.flush()
        answers.append(meanwhile(lambda: answers.append(world.post(client, path))))
        commit(work)

    who = world.actor("police")
    UnitOfWork.commit = commit_late
    try:
        desk.service.upload(who, world.case, desk.details(), [staged], new_id())
    finally:
        UnitOfWork.commit = commit
    answers[0].join()
    assert answers[1].status_code == 404
    assert world.events("document.received_discarded") == []
