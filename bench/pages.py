"""Case pages: what many documents cost, and what the log entry costs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event

from bench.area import Bench
from bench.client import Browser, per_second
from bench.lines import in_turns, middle, ms, progress, tell, timed
from bench.serving import application, hub
from hub.app import create_app

FEW, MANY = 5, 500
ROUNDS = 21
BROWSERS = 4
SECONDS = 1.5
ROUNDS_OF_LOAD = 5


def case_page(bench: Bench) -> None:
    progress("case page: 500 documents ...")
    few, many = (f"/cases/{bench.case_of(number)}" for number in (FEW, MANY))
    with hub(bench.home) as (port, _):
        browser = Browser(port=port, cookies=bench.cookies)
        for _ in range(10):
            browser.get(few), browser.get(many)
        short, long = in_turns(
            ROUNDS, lambda: timed(lambda: browser.get(few)), lambda: timed(lambda: browser.get(many))
        )
        browser.close()
    detail = f"the case page as its uploader reads it: {MANY} documents {ms(middle(long))}, {FEW} {ms(middle(short))}"
    tell("case_page_500_of_5", middle(long) / middle(short), target=2, better="lower", detail=detail)
    _queries(bench, few, many)


def _queries(bench: Bench, few: str, many: str) -> None:
    client = create_app(bench.config).test_client()
    client.set_cookie("hub_session", bench.token)
    short, long = (_count(client, page) for page in (few, many))
    detail = f"statements sent to the database by one request, the door's included: {MANY} documents {long}, {FEW} {short}"
    tell("case_page_queries_500_of_5", long / short, target=1, better="lower", detail=detail)


def _count(client: FlaskClient, page: str) -> int:
    client.get(page)
    with _statements(client.application.extensions["hub"].db.engine) as seen:
        if client.get(page).status_code != 200:
            raise RuntimeError(f"{page} is not there")
    return len(seen)


@contextmanager
def _statements(engine: Any) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def logged(bench: Bench) -> None:
    progress("log entry: the same page with and without ...")
    page = f"/cases/{bench.case_of(FEW)}"
    with hub(bench.home) as (port, _), application(bench.home, "bench.unlogged:app") as other:

        def rate(port: int) -> float:
            return per_second(port, bench.cookies, page, browsers=BROWSERS, seconds=SECONDS)

        with_entry, without = in_turns(ROUNDS_OF_LOAD, lambda: rate(port), lambda: rate(other))
    detail = (
        f"the case page, {BROWSERS} browsers at once: {middle(with_entry):.0f} a second with its entry committed, "
        f"{middle(without):.0f} from the same hub with entries, and so commits, taken out (bench/unlogged.py)"
    )
    tell(
        "logged_page_of_unlogged",
        middle(with_entry) / middle(without),
        target=0.5,
        better="higher",
        detail=detail,
    )
