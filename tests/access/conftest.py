"""A hub that the tests of one module share: they read it, or add what is theirs alone."""

import itertools

import pytest

from tests import world as worlds
from tests.access.canary import FURNITURE, furnish
from tests.conftest import ENGINES

NUMBERS = itertools.count()


@pytest.fixture(scope="module", params=ENGINES)
def shared(request, tmp_path_factory):
    home, url = tmp_path_factory.mktemp("shared") / "home", ""
    if request.param == "sqlite":
        worlds.copy_home(request.getfixturevalue("sqlite_template"), home)
    else:
        worlds.copy_home(request.getfixturevalue("postgresql_template"), home)
        name = f"shared_{next(NUMBERS)}"
        url = request.getfixturevalue("postgres").database(name, template="template_world")
    built = worlds.open_world(home, url)
    yield built
    built.hub.db.engine.dispose()


@pytest.fixture(scope="module")
def furnished(request, tmp_path_factory):
    """For the matrix: who may is decided by the same code on every database."""
    home = worlds.copy_home(
        request.getfixturevalue("sqlite_template"), tmp_path_factory.mktemp("matrix") / "home"
    )
    built = furnish(worlds.open_world(home))
    built.hub.documents.close()
    built.hub.db.engine.dispose()
    return built


@pytest.fixture
def hub(furnished, tmp_path):
    """A copy for each test: one after the other leaves thousands of refusals in the log, and its pages grow with it."""
    built = worlds.open_world(worlds.copy_home(furnished.config.home, tmp_path / "home"))
    built.people = dict(furnished.people)
    for name in FURNITURE:
        setattr(built, name, getattr(furnished, name))
    yield built
    built.hub.documents.close()
    built.hub.db.engine.dispose()


@pytest.fixture(scope="module")
def hub_on_each(shared):
    furnish(shared)
    return shared
