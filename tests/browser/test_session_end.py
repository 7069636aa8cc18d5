"""The end of a session: told two minutes before, put off by keyboard, and nothing typed is lost to it."""

from playwright.sync_api import expect

from hub.access.permissions import Role
from tests.browser.conftest import People
from tests.browser.person import Person
from tests.browser.server import Server

IDLE = 20 * 60
"""Seconds; the default of HUB_IDLE_MINUTES."""


def _on_upload_page(people: People, server: Server, name: str) -> Person:
    login = server.person(name, Role.PRACTITIONER, "police")
    person = people(login)
    person.page.clock.install()
    person.go(f"/cases/{server.case}/documents/new")
    return person


def test_warning_comes_two_minutes_before_and_is_put_off_by_keyboard(people: People, server: Server) -> None:
    person = _on_upload_page(people, server, "Tempa Hourly-Fable")
    page = person.page
    dialog = page.get_by_role("dialog")
    page.get_by_label("Title", exact=True).focus()
    page.clock.fast_forward((IDLE - 130) * 1000)
    expect(dialog).to_be_hidden()
    page.clock.fast_forward(15_000)
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("1 minute 5")
    expect(dialog.get_by_role("button", name="Stay signed in")).to_be_focused()
    person.check()
    with page.expect_response("**/session/extend") as answer:
        page.keyboard.press("Enter")
    assert answer.value.status == 200
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Title", exact=True)).to_be_focused()
    page.clock.fast_forward((IDLE - 130) * 1000)
    expect(dialog).to_be_hidden()
    page.clock.fast_forward(15_000)
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_what_was_typed_outlives_the_session(people: People, server: Server) -> None:
    """The page is covered; after signing in in another tab the very same form can be sent."""
    person = _on_upload_page(people, server, "Lasta Typer-Fable")
    page = person.page
    page.get_by_label("Why they need it").fill("Typed before the end came.")
    page.clock.fast_forward((IDLE - 60) * 1000)
    page.clock.fast_forward(70_000)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your session is over")
    expect(dialog.get_by_role("link", name="Sign in (opens in new tab)")).to_be_focused()
    person.check()
    with person.context.expect_page() as opened:
        page.keyboard.press("Enter")
    person.page = opened.value
    person.check()
    person.page = page
    expect(dialog).to_be_hidden()
    assert page.get_by_label("Why they need it").input_value() == "Typed before the end came."
    person.send("Upload")
    person.sees("There is a problem")
    assert page.get_by_label("Why they need it").input_value() == "Typed before the end came."


def test_a_form_sent_after_the_session_ended_is_kept(people: People, server: Server) -> None:
    login = server.person("Alate Sender-Fable", Role.PRACTITIONER, "police")
    person = people(login)
    page = person.page
    person.go(f"/cases/{server.case}/documents/new")
    page.get_by_label("Why they need it").fill("Typed in a session that ended.")
    server.run_out(login)
    person.send("Upload")
    assert page.url.endswith("/sign-in")
    server.renew_code(login)
    person.sign_in(login)
    person.go("/")
    person.sees("Something you typed was not sent")
    person.follow("See what you had typed and send it")
    person.sees("Typed in a session that ended.")
    person.send("Send it now")
    assert page.get_by_label("Why they need it").input_value() == "Typed in a session that ended."
