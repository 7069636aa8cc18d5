"""The hub without JavaScript: everything works, with one page more now and then."""

import hashlib
from pathlib import Path

from hub.access.permissions import Role
from tests.browser import arranged
from tests.browser.conftest import People
from tests.browser.files import pdf
from tests.browser.server import Server


def test_upload_read_and_search_without_script(people: People, server: Server, tmp_path: Path) -> None:
    filed = arranged.document(
        server, title="Scriptless assessment", pages=("One page naming Wrenfallow.", "And another.")
    )
    login = server.person("Plain Former-Fable", Role.PRACTITIONER, "police", agreed=False)
    person = people(login, script=False)
    person.agree()
    page = person.page
    person.follow("Cases")
    person.follow("FEN-2026-0001")
    person.follow("Upload documents")
    first, second, bad = tmp_path / "first.pdf", tmp_path / "second.txt", tmp_path / "bad.pdf"
    first.write_bytes(pdf("A page from a plain form."))
    second.write_text("A note from a plain form.")
    bad.write_bytes(b"no PDF at all")
    page.get_by_label("Files", exact=True).set_input_files([first, second, bad])
    page.get_by_label("Type of document").select_option(label="Risk assessment")
    for part, value in (("Day", "1"), ("Month", "3"), ("Year", "2024")):
        page.get_by_label(part, exact=True).fill(value)
    page.get_by_label("Why they need it").fill("The others plan with it.")
    page.get_by_label("It is marked OFFICIAL-SENSITIVE").check()
    person.send("Upload")
    person.sees("There is a problem")
    assert page.get_by_label("Why they need it").input_value() == "The others plan with it."
    assert page.get_by_role("group", name="Files received").get_by_role("checkbox").count() == 2
    person.send("Upload")
    person.sees("Received: 2 documents")
    person.sees(hashlib.sha256(first.read_bytes()).hexdigest())
    person.go(f"/documents/{filed.document}")
    person.send("Working on this case")
    person.sees("Wrenfallow")
    person.follow(page.get_by_role("link", name="Next page").first)
    person.sees("Page 2 of 2")
    person.go("/search/")
    page.get_by_role("textbox", name="Search for").fill("Wrenfallow")
    person.send("Search")
    person.sees("Scriptless assessment")
    person.send("Sign out")
    person.sees("signed out")
