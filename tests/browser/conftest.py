"""A browser, a running hub, and people in front of it."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import server as servers
from tests.browser.person import Person
from tests.browser.server import Login, Server

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SYSTEMS = Path("/usr/bin/chromium")
People = Callable[..., Person]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _without(what: str) -> None:
    if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
        pytest.fail(f"{what}, and on CI nothing is skipped for want of it")
    pytest.skip(f"{what}; `python3 -m hub test` finds or fetches it")


@pytest.fixture(scope="session")
def axe() -> Path:
    path = Path(os.environ.get("HUB_TEST_AXE", ""))
    if not path.is_file():
        _without("HUB_TEST_AXE does not name axe.min.js")
    return path


@pytest.fixture(scope="session")
def _front_end() -> None:
    if not Path(os.environ.get("HUB_ASSETS") or "nowhere").is_dir():
        _without("HUB_ASSETS does not name the front-end files")


@pytest.fixture(scope="session")
def executable() -> str:
    path = os.environ.get("HUB_TEST_BROWSER") or str(SYSTEMS)
    if not Path(path).is_file():
        _without("no Chromium is on this machine")
    return path


@pytest.fixture(scope="module")
def browser(executable: str) -> Iterator[Browser]:
    """For a module, not the session: while Playwright runs, other tests cannot run an event loop."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(_front_end: None, executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One hub for all tests that leave its statement alone."""
    running = servers.start(tmp_path_factory.mktemp("hub"))
    yield running
    running.stop()


@pytest.fixture
def people(browser: Browser, server: Server, axe: Path) -> Iterator[People]:
    """`people(login)` signs in through the pages, the second time by the cookie of the first; `people()`: at the door.

    A name is of tests/world.py. Everyone's last pages are asked about at the end.
    """
    opened: list[Person] = []

    def at_browser(
        who: Login | str | None = None, *, script: bool = True, at: Server | None = None
    ) -> Person:
        hub = at or server
        login = hub.login(who) if isinstance(who, str) else who
        state = hub.signed_in.get(login.email) if login else None
        person = Person(browser, hub, axe, script=script, state=state)
        opened.append(person)
        if login and state is None:
            person.sign_in(login)
            hub.signed_in[login.email] = person.context.storage_state()
        return person

    yield at_browser
    with contextlib.ExitStack() as each:
        for person in opened:
            each.callback(person.close)
