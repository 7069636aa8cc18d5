import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.postgres import PostgresServer, find_binaries

ROOT = Path(__file__).parents[2]
needs_postgres = pytest.mark.skipif(
    find_binaries() is None, reason="PostgreSQL's binaries are not on this machine"
)


@pytest.fixture(scope="module")
def server():
    with PostgresServer() as running:
        yield running


def value(url, statement):
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            return connection.execute(text(statement)).scalar()
    finally:
        engine.dispose()


@needs_postgres
def test_a_database_takes_rows(server):
    url = server.database("plain")

    assert value(url, "select 41 + 1") == 42
    assert value(url, "show server_encoding") == "UTF8"


@needs_postgres
def test_a_copy_of_a_template_has_its_rows_and_leaves_it_alone(server):
    template = server.database("mould")
    engine = create_engine(template)
    with engine.begin() as connection:
        connection.execute(text("create table kept (word text)"))
        connection.execute(text("insert into kept values ('once')"))
    engine.dispose()

    copy = server.database("copy", template="mould")
    value(copy, "delete from kept returning word")

    assert value(copy, "select count(*) from kept") == 0
    assert value(template, "select count(*) from kept") == 1


@needs_postgres
def test_dropping_ends_those_still_connected(server):
    server.database("busy")
    held = psycopg.connect(host=str(server.folder), user="hub", dbname="busy")

    server.drop("busy")

    with pytest.raises(psycopg.OperationalError):
        held.execute("select 1")
    held.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(host=str(server.folder), user="hub", dbname="busy")


@needs_postgres
def test_nothing_is_left_after_the_end():
    with PostgresServer() as running:
        folder = running.folder
        assert (folder / "data").is_dir()

    assert not folder.exists()


@needs_postgres
def test_the_server_goes_when_the_tests_are_killed():
    code = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r}); from tests.postgres import PostgresServer\n"
        f"s = PostgresServer().__enter__(); print(s.folder, flush=True); time.sleep(600)"
    )
    tests = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    folder = Path(tests.stdout.readline().strip())
    assert folder.is_dir()

    tests.send_signal(signal.SIGKILL)
    tests.communicate()

    until = time.monotonic() + 60
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not folder.exists()
