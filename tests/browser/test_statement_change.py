"""A statement published while someone types: it binds at once, and what was typed can still be sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import server as servers
from tests.browser.conftest import People
from tests.browser.server import Server

TYPED = "Typed while the statement changed."


@pytest.fixture(scope="module")
def own_server(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A hub of this module's own: whoever is on the other one has agreed for good."""
    del server
    running = servers.start(tmp_path_factory.mktemp("statement"))
    yield running
    running.stop()


def test_text_and_files_outlive_a_new_statement(people: People, own_server: Server, tmp_path: Path) -> None:
    typist, editor = people("police", at=own_server), people("coordinator", at=own_server)
    page = typist.page
    early, late = tmp_path / "early.txt", tmp_path / "late.txt"
    early.write_text("Received before the change.")
    late.write_text("Tried after the change.")
    typist.go(f"/cases/{own_server.case}/documents/new")
    rows = page.get_by_role("list", name="Files", exact=True).get_by_role("listitem")
    page.get_by_label("Files", exact=True).first.set_input_files(early)
    expect(rows.filter(has_text="early.txt")).to_contain_text("SHA-256")
    page.get_by_label("Type of document").select_option(label="Risk assessment")
    for part, value in (("Day", "1"), ("Month", "3"), ("Year", "2024")):
        page.get_by_label(part, exact=True).fill(value)
    page.get_by_label("Why they need it").fill(TYPED)
    page.get_by_label("It is marked OFFICIAL-SENSITIVE").check()

    editor.go("/statement/edit")
    editor.page.get_by_label("Confidentiality", exact=False).first.fill(
        "A new confidentiality statement. " * 10
    )
    editor.send("Save the draft and preview it")
    editor.page.get_by_role("main").get_by_role("textbox").fill("The agencies asked for plainer words.")
    editor.send("Publish")
    assert editor.page.url.endswith("/statement/agree")

    page.get_by_label("Files", exact=True).first.set_input_files(late)
    refused = rows.filter(has_text="late.txt")
    expect(refused).to_contain_text("The statement must be agreed before anything else.")
    expect(refused.get_by_role("link", name="Read and agree the statement")).to_be_visible()
    refused.get_by_role("button", name="Remove late.txt").click()
    typist.send("Upload")
    assert page.url.endswith("/statement/agree")
    typist.agree()
    typist.go("/")
    typist.follow("See what you had typed and send it")
    typist.sees(TYPED)
    typist.send("Send it now")
    typist.sees("Received: 1 document")
