"""The whole way without a mouse, and where one is always seen."""

import pytest
from playwright.sync_api import Page

from hub.access.permissions import Role
from tests.browser import arranged
from tests.browser.conftest import People
from tests.browser.person import Person
from tests.browser.server import Server
from tests.world import PASSWORD

FAR = 80
"""Presses of Tab after which something cannot be reached."""
FOCUSED = """
() => {
  const one = document.activeElement;
  const name = one.labels?.length ? one.labels[0].innerText : one.innerText || one.getAttribute("aria-label") || "";
  const style = getComputedStyle(one);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && style.outlineColor !== "rgba(0, 0, 0, 0)";
  const label = one.labels?.length ? getComputedStyle(one.labels[0], "::before") : null;
  const onLabel = Boolean(label && label.boxShadow !== "none");
  const box = one.getBoundingClientRect();
  const onScreen = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return { name: name.trim(), tag: one.tagName, seen: onScreen && (ring || style.boxShadow !== "none" || onLabel) };
}
"""


def tab_to(page: Page, name: str) -> None:
    """Press Tab until it is reached; everything on the way must show that it has the focus."""
    for _ in range(FAR):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["tag"] != "BODY":
            assert focused["seen"], f"no visible focus on {focused} at {page.url}"
        if focused["name"] == name:
            return
    pytest.fail(f"{name!r} is not reached by Tab at {page.url}")


def press(person: Person, name: str) -> None:
    """Tab there, press Enter, and check the page that comes."""
    tab_to(person.page, name)
    with person.page.expect_event("framenavigated", lambda frame: frame.parent_frame is None):
        person.page.keyboard.press("Enter")
    person.check()


def write(person: Person, name: str, text: str) -> None:
    tab_to(person.page, name)
    person.page.keyboard.type(text)


def test_sign_in_to_sign_out_with_the_keyboard_alone(people: People, server: Server) -> None:
    arranged.document(server, title="Keyboard assessment")
    login = server.person("Keya Board-Fable", Role.PRACTITIONER, "police", agreed=False)
    person = people()
    page = person.page
    person.go("/sign-in")
    write(person, "E-mail address", login.email)
    write(person, "Password", PASSWORD)
    press(person, "Continue")
    write(person, "Security code", login.code)
    press(person, "Sign in")
    for box in page.get_by_role("checkbox").all():
        tab_to(page, box.evaluate("(box) => box.labels[0].innerText.trim()"))
        page.keyboard.press("Space")
    press(person, "Agree and go on")
    press(person, "Cases")
    press(person, "FEN-2026-0001")
    press(person, "Keyboard assessment")
    press(person, "Working on this case")
    person.sees("Page 1 of 2")
    press(person, "→ Next page" if page.get_by_role("link", name="→ Next page").count() else "Next page →")
    person.sees("Page 2 of 2")
    person.sees(arranged.WORD)
    press(person, "Sign out")
    person.sees("signed out")
    person.page.goto("/cases/")
    person.check()
    assert page.url.endswith("/sign-in")


def test_skip_link_leads_past_the_navigation(people: People) -> None:
    person = people("police")
    person.go("/cases/")
    person.page.keyboard.press("Tab")
    assert person.page.evaluate(FOCUSED)["name"] == "Skip to main content"
    person.page.keyboard.press("Enter")
    person.page.keyboard.press("Tab")
    assert person.page.evaluate("() => document.activeElement.closest('main') !== null")
