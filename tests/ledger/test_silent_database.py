"""A database that takes what it is sent and answers nothing: no request waits for it, and nothing of a case is shown."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub import silence
from hub.engine import make_engine
from tests.documents.conftest import one_reader  # noqa: F401 - a fixture
from tests.ledger import ways as w
from tests.ledger.test_fail_closed import _on, requests
from tests.proxy import Proxy

AT_LAST = 30
"""Seconds; a request that waits for the database would never be answered."""


@pytest.fixture(scope="module", params=["postgresql"])
def there(request, one_reader, tmp_path_factory):  # noqa: F811 - the fixture of that name
    with w.furnished(request, tmp_path_factory, one_reader) as made:
        yield made


@pytest.fixture
def proxy(postgres):
    with Proxy(postgres.folder) as running:
        yield running


@pytest.fixture(autouse=True)
def unremembered(monkeypatch):
    monkeypatch.setattr(silence.Heard, "_silent_until", 0.0)


def through(proxy, name):
    return make_engine(f"postgresql+psycopg://hub@127.0.0.1:{proxy.port}/{name}")


@contextmanager
def behind(proxy, world):
    with _on(world, through(proxy, world.hub.db.engine.url.database)):
        yield


def test_what_is_waited_is_less_than_what_a_page_may_take():
    assert silence.QUIET_SECONDS + silence.ANSWER_SECONDS < 2


def test_every_byte_path_answers_503_and_it_comes_back_by_itself(there, proxy, monkeypatch):
    for name in ("QUIET_SECONDS", "ANSWER_SECONDS"):
        monkeypatch.setattr(silence, name, 0.3)
    world, plain = there.world, [one for one in requests(there) if one[1] == "GET" and not one[3]]
    with behind(proxy, world), ThreadPoolExecutor(1) as pool:
        clients = {who: world.client(who) for who, *_ in plain}
        for who, method, path, headers in plain:
            assert clients["police"].get("/").status_code == 200, "a connection is open, and heard"
            proxy.flows.clear()
            try:
                asked = pool.submit(clients[who].open, path, method=method, headers=headers)
                answer = asked.result(AT_LAST)
            finally:
                proxy.flows.set()
            assert (answer.status_code, w.shows(answer)) == (503, []), (method, path)
            monkeypatch.setattr(silence.Heard, "_silent_until", 0.0)
        assert clients["police"].get(f"/cases/{there.values['case']}").status_code == 200


def test_a_server_that_was_stopped_is_given_up(postgres, there):
    """As by SIGSTOP: its kernel goes on taking connections and what they send."""
    world = there.world
    processes = [int(line) for line in (postgres.folder / "data" / "postmaster.pid").read_text().split()[:1]]
    client = world.client("police")
    assert client.get("/").status_code == 200
    with world.hub.db.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
        processes.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            asked = pool.submit(connection.execute, text("SELECT 1"))
            assert isinstance(asked.exception(AT_LAST), DBAPIError)
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)


def test_what_is_only_slow_is_waited_for(proxy, postgres, monkeypatch):
    asked, real = [], silence._answers
    monkeypatch.setattr(silence, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(silence, "_answers", lambda *given: asked.append(given) or real(*given))
    engines = through(proxy, "postgres"), make_engine(postgres.url("postgres"))
    for engine in engines:
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 17 FROM pg_sleep(1)")).scalar() == 17
        engine.dispose()
    assert {host for host, *_ in asked} == {b"127.0.0.1", str(postgres.folder).encode()}


def test_who_finds_the_server_silent_spares_the_next_the_time(proxy, monkeypatch):
    engine = through(proxy, "postgres")
    monkeypatch.setattr(silence, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(silence, "REMEMBERED_SECONDS", AT_LAST)
    with engine.connect() as connection:
        proxy.flows.clear()
        with pytest.raises(DBAPIError) as told:
            connection.execute(text("SELECT 1"))
        assert told.value.connection_invalidated
    with pytest.raises(DBAPIError) as told:
        engine.connect()
    assert isinstance(told.value.orig, silence.Silent)
    assert isinstance(told.value.orig, psycopg.OperationalError)
    engine.dispose()
