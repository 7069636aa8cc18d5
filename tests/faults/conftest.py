"""Fixtures: where runs happen, on SQLite and on PostgreSQL, and the process that they are forked from."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Faults, Place, Zygote
from tests.faults.runs import SEED


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A folder that is not in memory, as the homes of other tests are."""
    with tempfile.TemporaryDirectory(prefix="hubfaults") as folder:
        yield Path(folder)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """On a disk too."""
    with tempfile.TemporaryDirectory(prefix="hubfaults") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def sqlite(zygote, disk) -> Iterator[Faults]:
    made = Faults(zygote, Place("sqlite", disk), SEED)
    yield made
    made.close()


@pytest.fixture(scope="module")
def postgresql(zygote, postgres, disk) -> Iterator[Faults]:
    made = Faults(zygote, Place("postgresql", disk, postgres), SEED)
    yield made
    made.close()
