"""Fixtures: where runs happen, on SQLite and on PostgreSQL, and the process that they are forked from."""

from collections.abc import Iterator

import pytest

from tests.faults.harness import Faults, Place, Zygote
from tests.faults.runs import SEED


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="module")
def sqlite(zygote, tmp_path_factory) -> Iterator[Faults]:
    made = Faults(zygote, Place("sqlite", tmp_path_factory.mktemp("sqlite")), SEED)
    yield made
    made.close()


@pytest.fixture(scope="module")
def postgresql(zygote, postgres, tmp_path_factory) -> Iterator[Faults]:
    made = Faults(zygote, Place("postgresql", tmp_path_factory.mktemp("postgresql"), postgres), SEED)
    yield made
    made.close()
