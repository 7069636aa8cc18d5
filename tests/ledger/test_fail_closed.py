"""With the log unwritable, in whatever way, no byte of any case leaves the hub by any path that `url_map` has.

503 after one attempt, `/readyz` red, the alarm rung; and the service comes back by itself.
"""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select, text, update

from hub.access.actor import program
from hub.db import Database
from hub.engine import LOCK_WAIT_MS, make_engine
from hub.errors import LogUnwritable
from hub.ledger import guard as guards
from hub.ledger.events import CasesListed, CaseViewed, LogRead, SignedIn
from hub.ledger.guard import COPY_WITHIN, Guard
from hub.ledger.model import LogEntry, LogSigner
from tests.conftest import ENGINES
from tests.documents.conftest import one_reader  # noqa: F401 - a fixture
from tests.ledger import ways as w
from tests.ledger.test_every_way import LOOKED, NOTHING
from tests.world import csrf

RANGES = ("bytes=0-0", "bytes=-1", "bytes=999999999-")


@pytest.fixture(scope="module", params=ENGINES)
def there(request, one_reader, tmp_path_factory):  # noqa: F811 - the fixture of that name
    with w.furnished(request, tmp_path_factory, one_reader) as made:
        made.world.hub.checkpoints.make(made.world.area)
        yield made


# --- the ways in which the log cannot be written ---------------------------------------------------


def _is_sqlite(world):
    return world.config.database_url.startswith("sqlite")


@contextmanager
def _on(world, engine):
    """The hub's database by another engine, meanwhile."""
    db, other = world.hub.db, Database(engine, world.hub.db._ledger, world.hub.db._receipts)
    kept = dict(vars(db))
    vars(db).update(vars(other))
    try:
        yield
    finally:
        vars(db).update(kept)
        engine.dispose()


@contextmanager
def gone(world):
    nowhere = "sqlite:////nonexistent/folder/hub.sqlite"
    if not _is_sqlite(world):
        nowhere = "postgresql+psycopg://hub@/gone?host=/nonexistent"
    with _on(world, make_engine(nowhere)):
        yield


@contextmanager
def read_only(world):
    url = world.config.database_url
    engine = make_engine(
        f"sqlite:///file:{world.config.home / 'hub.sqlite'}?mode=ro&uri=true" if _is_sqlite(world) else url
    )
    if not _is_sqlite(world):
        event.listen(engine, "connect", _only_read)
    with _on(world, engine):
        yield


def _only_read(connection, _record):
    connection.execute("SET SESSION default_transaction_read_only = on")
    connection.commit()


@contextmanager
def full(world):
    """SQLite refuses every new page; PostgreSQL says of the log's table what it says when the disk is full."""
    if _is_sqlite(world):
        engine = make_engine(world.config.database_url)
        event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count = 1"))
        with _on(world, engine):
            _fill(world)
            yield
        return
    with world.hub.db.engine.begin() as connection:
        connection.execute(text(
            "CREATE FUNCTION disk_is_full() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$"
        ))  # fmt: skip
        connection.execute(
            text("CREATE TRIGGER full_disk BEFORE INSERT ON log_entry EXECUTE FUNCTION disk_is_full()")
        )
    try:
        yield
    finally:
        with world.hub.db.engine.begin() as connection:
            connection.execute(text("DROP FUNCTION disk_is_full CASCADE"))


def _fill(world):
    """The room that is left in pages already there: until nothing, however small, goes in any more."""
    small, refused = program(world.area), 0
    for what in (
        SignedIn(),
        CaseViewed(case="c" * 26),
        CasesListed(cases=()),
        LogRead(page="p", filters=""),
    ) * 2:
        with pytest.raises(LogUnwritable):
            for _ in range(2000):
                world.hub.db.record(small, what)
        refused += 1
    assert refused == 8


@contextmanager
def _guarded(world, guard):
    ledger = world.hub.db._ledger
    kept = ledger._allow, world.hub.readiness._guard
    ledger._allow, world.hub.readiness._guard = guard.check, guard
    try:
        yield
    finally:
        ledger._allow, world.hub.readiness._guard = kept


@contextmanager
def second_place_down(world):
    """Required, and nothing was kept there for too long."""
    guard = Guard(world.clock, copy_required=True)
    guard._since = world.clock() - COPY_WITHIN - timedelta(seconds=1)
    with _guarded(world, guard):
        yield


@contextmanager
def refused_to_sign(world):
    """As `Checkpoints` leaves it when the log is not what was signed: see tests/ledger/test_checkpoints.py."""
    _refuse(world, "The access log is not what was signed.")
    try:
        yield
    finally:
        _refuse(world, None)


def _refuse(world, why):
    with world.hub.db.engine.execution_options(hub_writes=True).begin() as connection:
        connection.execute(update(LogSigner).values(refused_why=why, refused_at=why and world.clock()))


WAYS = [gone, read_only, full, second_place_down, refused_to_sign]


# --- nothing leaves --------------------------------------------------------------------------------


@pytest.fixture
def attempts():
    """Statements and connections that failed, in this process."""
    from sqlalchemy import Engine

    seen = []

    def note(context):
        seen.append(context)

    event.listen(Engine, "handle_error", note)
    yield seen
    event.remove(Engine, "handle_error", note)


def entries(world):
    with world.hub.db.reading() as session:
        return session.scalar(select(func.count()).select_from(LogEntry))


def requests(there):
    """(person, method, path, headers) of every path by which bytes of a case leave."""
    for rule in there.rules("GET"):
        if rule.endpoint in LOOKED:
            who, path = LOOKED[rule.endpoint][0], there.path(rule)
            yield who, "GET", path, {}
            yield who, "HEAD", path, {}
    for document in (there.plain, there.values["document"]):
        path = f"/documents/{document}/versions/1/original"
        for asked in RANGES:
            yield "police", "GET", path, {"Range": asked}
    for path in ("/log/export.json?event=case.viewed", f"/cases/{there.values['case']}"):
        yield "governance" if "log" in path else "police", "GET", path, {"Accept": "application/json"}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_byte_of_any_case_is_served_by_any_path_and_it_comes_back_by_itself(
    there, way, attempts, monkeypatch
):
    monkeypatch.setattr(guards, "KEPT_SECONDS", 0)
    monkeypatch.setattr("hub.proof.ready.KEPT_SECONDS", 0)
    assert LOCK_WAIT_MS < 2000
    world, before = there.world, None
    clients = {who: world.client(who) for who in {who for who, *_ in requests(there)}}
    ready = world.client()
    assert ready.get("/readyz").status_code == 200
    with way(world):
        rung = world.hub.alarm.count
        for number, (who, method, path, headers) in enumerate(requests(there), 1):
            attempts.clear()
            answer = clients[who].open(path, method=method, headers=headers)
            assert (answer.status_code, w.shows(answer)) == (503, []), (way.__name__, method, path)
            assert answer.headers["Cache-Control"] == "no-store"
            assert len(attempts) <= 1, "one attempt, not one for the page and one for its error"
            assert world.hub.alarm.count == rung + number, (method, path)
        assert ready.get("/readyz").status_code == 503
        assert ready.get("/healthz").status_code == 200
    before = entries(world)
    for who, path in (("police", f"/cases/{there.values['case']}"), ("governance", "/log/")):
        assert clients[who].get(path).status_code == 200
    assert entries(world) == before + 2
    assert ready.get("/readyz").status_code == 200


@pytest.mark.parametrize("way", WAYS[1:], ids=lambda way: way.__name__)
def test_nothing_is_changed_and_nothing_told_by_any_form(there, way, monkeypatch):
    monkeypatch.setattr(guards, "KEPT_SECONDS", 0)
    world = there.world
    forms = [rule for rule in there.rules("POST") if rule.endpoint != "people.sign_out"]
    people = {who: world.client(who) for who in ("police", "coordinator", "governance", "administrator")}
    for client in people.values():
        csrf(client)
    with way(world):
        before = entries(world)
        for client in people.values():
            for rule in forms:
                answer = world.post(client, there.path(rule), {"q": "anything", "reason": "meeting"})
                assert w.shows(answer) == [], rule.rule
                assert answer.status_code < 500 or answer.status_code == 503, rule.rule
                answer.close()
        bundle = world.post(people["governance"], "/log/bundle/", {"case": there.values["case"]})
        assert (bundle.status_code, w.shows(bundle)) == (503, [])
        assert entries(world) == before


def test_what_shows_nothing_of_a_case_shows_none_then_either(there, monkeypatch):
    monkeypatch.setattr(guards, "KEPT_SECONDS", 0)
    with refused_to_sign(there.world):
        for rule in there.rules("GET"):
            if rule.endpoint in NOTHING:
                answer = there.world.client(NOTHING[rule.endpoint]).get(there.path(rule))
                assert w.shows(answer) == [], rule.rule
                answer.close()


def test_a_download_that_is_under_way_when_the_log_goes_gives_no_second_one(there, monkeypatch):
    monkeypatch.setattr(guards, "KEPT_SECONDS", 0)
    world, path = there.world, f"/documents/{there.plain}/versions/1/original"
    client = world.client("police")
    begun = client.get(path)
    assert begun.status_code == 200
    with gone(world):
        assert client.get(path).status_code == 503
        with pytest.raises(LogUnwritable):
            begun.close()
    assert client.get(path).status_code == 200
