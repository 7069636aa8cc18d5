"""Someone at a browser. Every page they see goes through `check`, and leaving one unchecked fails the test."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Frame,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

from tests.browser.server import Login, Server
from tests.world import PASSWORD

WIDE = {"width": 1280, "height": 900}
NARROW = ({"width": 320, "height": 640}, {"width": 375, "height": 667}, {"width": 640, "height": 450})
"""Reflow at 320 CSS px, a small phone, and 1280 px at a zoom of 200%."""
TITLE = re.compile(r"(Error: )?\S.* - MAPPA document hub\Z")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d ")
"""What Chromium itself says of every answer in the 400s, the pages that say so included."""
LISTEN = """
window.refusedByPolicy = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.refusedByPolicy.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""
AXE = """
async (tags) => {
  const found = await axe.run(document, { runOnly: tags, resultTypes: ["violations"], preload: false });
  return found.violations.map((one) =>
    `${one.id}: ${one.help}\\n` + one.nodes.map((node) => `    ${node.target} ${node.html}`).join("\\n"));
}
"""
SHAPE = """
() => {
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  return {
    twice: ids.filter((id, place) => ids.indexOf(id) !== place),
    headings: document.querySelectorAll("h1").length,
    language: document.documentElement.lang,
    refused: window.refusedByPolicy,
  };
}
"""
SIDEWAYS = """
() => {
  const { scrollWidth, clientWidth } = document.scrollingElement;
  if (scrollWidth <= clientWidth + 1) return "";
  const scrolls = (one) => one && (getComputedStyle(one).overflowX !== "visible" || scrolls(one.parentElement));
  const sticksOut = (one) => one.getBoundingClientRect().right > clientWidth + 1 && !scrolls(one.parentElement);
  const wide = [...document.body.querySelectorAll("*")].filter(sticksOut);
  return `${scrollWidth} of ${clientWidth}: ` + wide.slice(0, 6).map((one) => one.outerHTML.slice(0, 120)).join(" | ");
}
"""


class Person:
    """One browser context: its own cookies, its own watch.

    `script`: whether it runs JavaScript; axe-core itself cannot do without. `refused`: the one page that said
    "not here" and was checked: all such are the same.
    """

    def __init__(
        self, browser: Browser, server: Server, axe: Path, *, script: bool = True, state: Any = None
    ) -> None:
        self.server, self.script = server, script
        self.context: BrowserContext = browser.new_context(
            base_url=server.url,
            viewport=WIDE,
            java_script_enabled=script,
            storage_state=state,
            locale="en-GB",
        )
        self.context.set_default_timeout(60_000)
        self.context.add_init_script(LISTEN)
        if script:
            self._bring(axe)
        self.faults: list[str] = []
        self.unchecked: list[str] = []
        self.checked: list[str] = []
        self.refused = ""
        self.context.on("request", self._asked)
        self.context.on("response", self._answered)
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.faults.append(f"script error: {error.error}"))
        self.context.on("page", self._watch)
        self.page: Page = self.context.new_page()

    def _bring(self, axe: Path) -> None:
        """Told to the browser once: sent to each page, axe-core took as long to come as to look."""
        self.context.add_init_script(path=axe)

    # --- watching ---

    def _watch(self, page: Page) -> None:
        page.on("framenavigated", self._arrived)

    def _arrived(self, frame: Frame) -> None:
        within = "#" in frame.url and _address(frame.url) in self.checked
        if frame.parent_frame is None and frame.url.startswith("http") and not within:
            self.unchecked.append(_address(frame.url))

    def _asked(self, request: Request) -> None:
        host = urlsplit(request.url)
        if host.scheme in {"http", "https", "ws", "wss"} and not request.url.startswith(
            self.server.url + "/"
        ):
            self.faults.append(f"request to another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.status} for {response.request.method} {response.url}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not EXPECTED.match(message.text):
            self.faults.append(f"console {message.type}: {message.text}")

    # --- checking ---

    def check(self) -> None:
        """The page now shown, all of it: its shape, its accessibility, its layout, what the browser said."""
        page, here = self.page, _address(self.page.url)
        page.wait_for_load_state("load")
        self.unchecked = [url for url in self.unchecked if url != here]
        self.checked.append(here)
        found = [*self.faults]
        self.faults.clear()
        if not TITLE.match(page.title()):
            found.append(f"title: {page.title()!r}")
        found += self._shape() + self._layout()
        if self.script:
            found += self._axe()
        assert not found, f"{here}\n" + "\n".join(found)

    def _shape(self) -> list[str]:
        shape = self.page.evaluate(SHAPE)
        wrong = [f"id twice: {one}" for one in shape["twice"]] + [
            f"policy: {one}" for one in shape["refused"] or []
        ]
        if shape["headings"] != 1:
            wrong.append(f"{shape['headings']} h1")
        return wrong if shape["language"] == "en" else [*wrong, "no language"]

    def _axe(self) -> list[str]:
        return [f"axe {one}" for one in self.page.evaluate(AXE, TAGS)]

    def _layout(self) -> list[str]:
        wrong = []
        for size in NARROW:
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            if wide := self.page.evaluate(SIDEWAYS):
                wrong.append(f"sideways at {size['width']} px: {wide}")
        self.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
        return wrong + self._large_text()

    def _large_text(self) -> list[str]:
        """As someone sees it whose browser is set to letters twice as large: media queries in rem know of it too."""
        devtools = self.context.new_cdp_session(self.page)
        devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
        wide = self.page.evaluate(SIDEWAYS)
        devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 16, "fixed": 13}})
        devtools.detach()
        return [f"sideways with text of 200%: {wide}"] if wide else []

    def close(self) -> None:
        """Raises when a page was seen and never checked, or something went wrong after the last check."""
        self.context.close()
        assert not self.faults, "\n".join(self.faults)
        assert not self.unchecked, f"pages never checked: {self.unchecked}"

    def pass_over(self) -> None:
        """Leave out the page now shown: one like it was checked before."""
        self.unchecked = [url for url in self.unchecked if url != _address(self.page.url)]

    # --- doing ---

    def go(self, path: str, status: int = 200) -> None:
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == status, f"{answer.status} for {path}"
        self.check()

    def follow(self, link: Locator | str, status: int = 200) -> None:
        """Activate what leads to another page, and check that page."""
        target = self._way(link) if isinstance(link, str) else link
        with self.page.expect_event("framenavigated", lambda frame: frame.parent_frame is None):
            target.click()
        self.page.wait_for_load_state("load")
        self.check()

    def _way(self, name: str) -> Locator:
        """GOV.UK's start buttons are links that say they are buttons."""
        link, button = (self.page.get_by_role(role, name=name, exact=True) for role in ("link", "button"))
        return link.or_(button).first

    def send(self, button: str) -> None:
        """Press the button of a form and check the page that comes of it."""
        self.follow(self.page.get_by_role("button", name=button, exact=True).first)

    def sign_in(self, login: Login) -> None:
        page = self.page
        self.go("/sign-in")
        page.get_by_label("E-mail address").fill(login.email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.send("Continue")
        page.get_by_label("Security code").fill(login.code)
        self.send("Sign in")

    def agree(self) -> None:
        for box in self.page.get_by_role("checkbox").all():
            box.check()
        self.send("Agree and go on")

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_role("main")).to_contain_text(text)

    def sees_nothing_of(self, text: str) -> None:
        assert text.lower() not in self.page.content().lower(), f"{text!r} stands in {self.page.url}"


def _address(url: str) -> str:
    """Going to a place within a page is no new page."""
    return url.partition("#")[0]
