"""Fixtures that every test may ask for: `world` on SQLite and on PostgreSQL, from a template made once."""

import gc
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import world as worlds
from tests.memory import memory
from tests.postgres import PostgresServer, find_binaries

NUMBERS = itertools.count()
ENGINES = ("sqlite", "postgresql")
LONGEST = (
    "browser/test_every_page",
    "access/test_matrix",
    "demo/test_load",
    "faults",
    "canary",
    "browser",
    "people/test_sign_in",
    "storage/test_s3",
    "keys",
    "backup",
    "ledger",
)
"""Beginnings of paths below this folder, as `--durations=0` tells them."""


def pytest_configure() -> None:
    """Temporary folders of tests in memory, unless the environment names another place."""
    place = memory()
    if place is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(place))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first: begun last, one of them keeps one worker busy and the others idle."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        place = str(item.path.relative_to(here))
        return next((n for n, long in enumerate(LONGEST) if place.startswith(long)), len(LONGEST))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """What was imported stays for ever: whoever looks for rubbish need not go through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A throw-away server; skipped where there are no binaries, which on CI is a failure."""
    if find_binaries() is None:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is missing, and on CI nothing is skipped for want of it")
        pytest.skip("PostgreSQL's binaries are not on this machine")
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("template") / "home"
    worlds.build(home)
    return home


@pytest.fixture(scope="session")
def postgresql_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("template-pg") / "home"
    worlds.build(home, postgres.database("template_world"))
    return home


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[worlds.World]:
    """A populated hub of this test's own."""
    home = tmp_path / "home"
    worlds.copy_home(request.getfixturevalue(f"{request.param}_template"), home)
    with _database(request) as url:
        built = worlds.open_world(home, url)
        yield built
        built.hub.documents.close()
        built.hub.db.engine.dispose()


@contextmanager
def _database(request: pytest.FixtureRequest) -> Iterator[str]:
    """SQLite's is in the home; PostgreSQL's is a copy of the template, dropped again."""
    if request.param == "sqlite":
        yield ""
        return
    server, name = request.getfixturevalue("postgres"), f"world_{next(NUMBERS)}"
    yield server.database(name, template="template_world")
    server.drop(name)
