"""Attacks by people with a valid account on what documents leave lying about."""

from dataclasses import replace

from hub.ids import new_id
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
