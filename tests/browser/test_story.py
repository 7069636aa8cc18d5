"""The whole story: an agency uploads, the coordinator issues, an attendee reads and finds, governance sees it all."""

import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from hub.access.permissions import Role
from tests.browser.conftest import People
from tests.browser.files import pdf
from tests.browser.person import Person
from tests.browser.server import Login, Server

CASE = "FEN-2026-0001"
NOMINAL = "Norman Nominal-Fable"
TITLE = "Kestrelwick <img src=x onerror=alert(1)>"
"""Of several files each is named as its file is."""
WORD = "Larkspurling"
NECESSITY = "The meeting plans the next visits with it."
PATIENCE = 30
"""Looks at a page until the document is prepared."""
DOUBLE_CLICK_MS = 1000
"""GOV.UK's buttons take a second press within a second for a slip of the hand."""
LONDON = ZoneInfo("Europe/London")


def test_four_people_and_one_document(people: People, server: Server, tmp_path: Path) -> None:
    uploader = server.person("Upton Loader-Fable", Role.PRACTITIONER, "police", agreed=False)
    attendee = server.person("Attie Reader-Fable", Role.ATTENDEE, "health", agreed=False)
    agency = people(uploader)
    document = _upload(agency, tmp_path)
    _issue(people("coordinator"), attendee)
    _read(people(attendee), document)
    _readers(agency, document, attendee)
    _oversee(people("governance"), document, (uploader, attendee))


def _upload(person: Person, folder: Path) -> str:
    """Four files, two by the button and two dropped, one of them bad; the document's id."""
    person.sees("The statement you agree before anything else")
    person.agree()
    person.follow("Cases")
    person.follow(CASE)
    person.sees(NOMINAL)
    person.follow("Upload documents")
    good = _files(person, folder)
    _details(person)
    person.send("Upload")
    person.sees("Received: 3 documents")
    person.sees(hashlib.sha256(good).hexdigest())
    person.follow(person.page.get_by_role("link", name=TITLE).first)
    person.sees("Why are you opening this document?")
    person.send("Working on this case")
    for _ in range(PATIENCE):
        if not person.page.get_by_text("Being prepared").count():
            break
        person.page.wait_for_timeout(500)
        person.page.reload()
    person.check()
    person.sees("Page 1 of 2")
    found = re.search(r"/documents/([a-z2-7]{26})", person.page.url)
    assert found is not None
    return found[1]


def _files(person: Person, folder: Path) -> bytes:
    page = person.page
    data = pdf("First page of an invented assessment.", f"The second page alone names {WORD}.")
    good, note, bad = folder / f"{TITLE}.pdf", folder / "note.txt", folder / "no real.pdf"
    good.write_bytes(data)
    note.write_text("A short note, invented, for the same case.")
    bad.write_bytes(b"this is no PDF at all")
    page.get_by_label("Files", exact=True).first.set_input_files([good, bad])
    rows = page.get_by_role("list", name="Files", exact=True).get_by_role("listitem")
    expect(rows.filter(has_text="onerror")).to_contain_text(hashlib.sha256(data).hexdigest())
    wrong = rows.filter(has_text="no real.pdf")
    expect(wrong).to_have_class(re.compile("hub-upload__row--wrong"))
    expect(wrong.get_by_role("button", name="Try again no real.pdf")).to_be_hidden()
    expect(wrong).not_to_contain_text("SHA-256")
    _drop(person, {"dropped.txt": "Dropped, and invented.", "empty.txt": ""})
    expect(rows.filter(has_text="dropped.txt")).to_contain_text("SHA-256")
    expect(rows.filter(has_text="empty.txt")).to_contain_text("This file is empty.")
    page.get_by_label("Files", exact=True).first.set_input_files(note)
    expect(rows.filter(has_text="note.txt")).to_contain_text("SHA-256")
    person.check()
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("button", name="Remove no real.pdf")).to_be_focused()
    expect(wrong).to_contain_text("It was not received: remove it before you go on.")
    wrong.get_by_role("button", name="Remove no real.pdf").click()
    rows.filter(has_text="empty.txt").get_by_role("button", name="Remove empty.txt").click()
    expect(rows).to_have_count(3)
    page.wait_for_timeout(DOUBLE_CLICK_MS)
    return data


def _drop(person: Person, files: dict[str, str]) -> None:
    carried = person.page.evaluate_handle(
        """(files) => {
          const carried = new DataTransfer();
          for (const [name, text] of Object.entries(files)) carried.items.add(new File([text], name));
          return carried;
        }""",
        files,
    )
    zone = person.page.locator(".hub-drop")
    zone.dispatch_event("dragover", {"dataTransfer": carried})
    zone.dispatch_event("drop", {"dataTransfer": carried})


def _details(person: Person) -> None:
    page = person.page
    page.get_by_label("Type of document").select_option(label="Risk assessment")
    for part, value in (("Day", "1"), ("Month", "3"), ("Year", "2024")):
        page.get_by_label(part, exact=True).fill(value)
    page.get_by_label("All agencies on the case").check()
    page.get_by_label("Why they need it").fill(NECESSITY)
    page.get_by_label(re.compile("It is marked OFFICIAL-SENSITIVE")).check()


def _issue(person: Person, attendee: Login) -> None:
    page, day = person.page, datetime.now(LONDON) + timedelta(days=7)
    person.go("/meetings/")
    person.follow("Arrange a meeting")
    page.get_by_label("Level 2", exact=False).first.check()
    for part, value in (("Day", day.day), ("Month", day.month), ("Year", day.year)):
        page.get_by_label(part, exact=True).fill(str(value))
    page.get_by_label("Time").fill("10:30")
    page.get_by_label("Locality").select_option("Northfen")
    page.get_by_label("Place").fill("The invented room")
    page.get_by_label("Chair").select_option(index=1)
    page.get_by_label(CASE).check()
    page.get_by_label(attendee.name).check()
    person.send("Arrange and invite")
    person.sees(attendee.name)
    person.follow("Issue documents")
    page.get_by_label("Papers").check()
    page.get_by_label(TITLE).first.check()
    person.send("Issue to those invited")
    person.sees(TITLE)


def _read(person: Person, document: str) -> None:
    """The attendee: agrees, agrees again for the meeting, gives a reason with one click, reads, finds."""
    page = person.page
    person.agree()
    person.go(f"/documents/{document}", status=404)
    person.go("/meetings/")
    person.sees("1 document")
    person.follow(page.get_by_role("main").get_by_role("row").get_by_role("link").first)
    person.sees_nothing_of(TITLE)
    for box in page.get_by_role("checkbox").all():
        box.check()
    person.send("Agree for this meeting")
    person.follow(TITLE)
    person.sees("Why are you opening this document?")
    person.send("Preparing for or following up a meeting")
    _reads_page(person, 1, "First page of an invented assessment.")
    person.sees_nothing_of(WORD)
    person.follow(page.get_by_role("link", name="Next page").first)
    _reads_page(person, 2, WORD)
    person.go("/search/")
    page.get_by_role("textbox", name="Search for").fill(WORD)
    person.send("Search")
    person.sees("1 result")
    expect(page.locator("mark")).to_have_text(WORD)
    person.sees("page 2")
    person.follow(TITLE)
    _reads_page(person, 2, WORD)


def _reads_page(person: Person, number: int, text: str) -> None:
    """The page's image is drawn, and its text stands beside it."""
    person.sees(f"Page {number} of 2")
    person.sees(text)
    image = person.page.locator(".hub-reader__img")
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("(image) => image.naturalWidth") > 500


def _readers(person: Person, document: str, attendee: Login) -> None:
    """The uploader sees who opened it."""
    person.go(f"/documents/{document}/readers")
    row = person.page.get_by_role("row").filter(has_text=attendee.name)
    expect(row).to_have_count(1)
    expect(row).not_to_contain_text("Not opened")


def _oversee(person: Person, document: str, others: tuple[Login, Login]) -> None:
    """Information governance: every step with who, what and when; nothing that names the nominal or the document."""
    page, (uploader, attendee) = person.page, others
    person.go("/log/")
    _no_content(person)
    seen = {}
    for who in others:
        person.go(f"/log/?person={who.id}")
        _no_content(person)
        rows = page.get_by_role("table").last.get_by_role("row").all_inner_texts()
        seen[who.id] = "\n".join(row for row in rows if who.name in row)
        assert re.search(r"\d{1,2} \w+ \d{4} at \d{1,2}:\d\d[ap]m", seen[who.id])
    for step in (
        "Signed in",
        "Agreed a part of the statement",
        "Looked at a case",
        "Sent a file",
        "Uploaded a document",
    ):
        assert step in seen[uploader.id], step
    for step in ("Re-affirmed the statement", "Read a page (page 1)", "Read a page (page 2)", "Searched"):
        assert step in seen[attendee.id], step
    assert "Was refused" in seen[attendee.id]
    assert "Preparing for or following up a meeting" in seen[attendee.id]
    person.go(f"/log/documents/{document}")
    person.sees(attendee.name)
    person.sees(uploader.name)
    _no_content(person)
    person.follow(page.get_by_role("link", name=attendee.name).first)
    person.sees("Risk assessment")
    _no_content(person)
    person.go(f"/documents/{document}", status=404)
    person.go(f"/cases/{person.server.case}", status=404)


def _no_content(person: Person) -> None:
    for secret in (NOMINAL, "Nominal-Fable", "Nobby", TITLE, "Kestrelwick", WORD, "onerror", NECESSITY):
        person.sees_nothing_of(secret)
