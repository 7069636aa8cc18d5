"""The way of one document: uploaded in the browser, prepared, read with a reason, found, and its readers told."""

import hashlib
import io

from tests.documents.conftest import WORD, Desk, docx, pdf


def test_an_upload_is_received_read_by_another_and_its_reader_told(desk: Desk) -> None:
    world, data = desk.world, pdf(f"{WORD} one", "second page")
    police = world.client("police")
    form = desk.form(files=(io.BytesIO(data), "Assessment.pdf"))
    sent = world.post(police, f"/cases/{world.case}/documents/new", form)
    assert sent.status_code == 303
    receipt = police.get(sent.location)
    assert receipt.status_code == 200
    assert hashlib.sha256(data).hexdigest() in receipt.text
    assert desk.service.prepare_waiting() == 1
    document = world.events("document.uploaded")[-1].document_id

    probation = world.client("probation")
    asked = probation.get(f"/documents/{document}")
    assert "Why are you opening this document?" in asked.text
    assert WORD not in asked.text
    given = world.post(probation, f"/documents/{document}/reason", {"reason": "meeting", "page": "1"})
    assert given.status_code == 303
    page = probation.get(given.location)
    assert page.status_code == 200
    assert f"{WORD} one" in page.text
    assert "Page 1 of 2" in page.text
    image = probation.get(f"/documents/{document}/versions/1/pages/2/image")
    assert image.status_code == 200
    assert image.data[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0")
    viewed = world.events("document.page_viewed")
    assert [(entry.reason, '"form":"image"' in entry.leaf) for entry in viewed] == [
        ("meeting", False),
        ("meeting", True),
    ]
    readers = police.get(f"/documents/{document}/readers")
    assert "Prue Bates-Fable" in readers.text


def test_a_word_file_is_read_from_its_reading_copy(desk: Desk) -> None:
    document = desk.prepared(docx("Zebrafinch in Word"), "report.docx")
    client = desk.reader("probation", document)
    assert "Zebrafinch in Word" in client.get(f"/documents/{document}").text
    assert client.get(f"/documents/{document}/versions/1/pages/1/image").status_code == 200
